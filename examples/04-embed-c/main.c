/* Runs an attention program on four ranks of this process and compares its output with a plain loop. C99. */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <rondo/rondo.h>

#include <math.h>
#include <stdio.h>

enum { QUERIES = 10, KEYS = 37, FEATURES = 16 };
static float query[QUERIES][FEATURES], key[KEYS][FEATURES], value[KEYS][FEATURES], output[QUERIES][FEATURES];

static void fill(float *data, int count, int seed) {
  for (int i = 0; i < count; ++i)
    data[i] = (float)((i + 1) * seed % 101) / 50.0f - 1.0f;
}

/* The largest difference of the output from softmax(query * key^T / sqrt(FEATURES)) * value. */
static double compare(void) {
  double largest = 0.0;
  for (int q = 0; q < QUERIES; ++q) {
    double total = 0.0, sum[FEATURES] = {0.0};
    for (int k = 0; k < KEYS; ++k) {
      double score = 0.0;
      for (int f = 0; f < FEATURES; ++f)
        score += (double)query[q][f] * key[k][f];
      double weight = exp(score / sqrt(FEATURES));
      total += weight;
      for (int f = 0; f < FEATURES; ++f)
        sum[f] += weight * value[k][f];
    }
    for (int f = 0; f < FEATURES; ++f)
      largest = fmax(largest, fabs(output[q][f] - sum[f] / total));
  }
  return largest;
}

int main(int argc, char **argv) {
  fill(*query, QUERIES * FEATURES, 37);
  fill(*key, KEYS * FEATURES, 53);
  fill(*value, KEYS * FEATURES, 71);

  /* DLPack tensors borrow the arrays: nothing is copied. */
  int64_t rows[] = {1, 1, QUERIES, FEATURES}, columns[] = {1, 1, KEYS, FEATURES}; /* batch, head, sequence, feature */
  DLTensor q = {query, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, rows, NULL, 0}, k = q, v = q, o = q;
  k.data = key, k.shape = columns;
  v.data = value, v.shape = columns;
  o.data = output;
  const DLTensor *inputs[] = {&q, &k, &v};
  DLTensor *outputs[] = {&o};

  rondo_context *context = NULL;
  rondo_program *program = NULL;
  rondo_communicator *ranks = NULL;
  rondo_communicator_options options = RONDO_COMMUNICATOR_OPTIONS_INIT;
  options.ranks = 4;
  int failed = 1;
  if (rondo_context_create(&context) != RONDO_OK ||
      rondo_program_load(context, argc == 2 ? argv[1] : "attention.so", &program) != RONDO_OK ||
      rondo_communicator_create(context, &options, &ranks) != RONDO_OK ||
      rondo_run(context, program, NULL, ranks, inputs, 3, outputs, 1) != RONDO_OK) {
    fprintf(stderr, "error: %s\n", rondo_last_error(context)); /* says what was expected, what was found, and where */
  } else {
    failed = compare() > 1e-5;
    printf("output: %.4f %.4f %.4f ...\n", output[0][0], output[0][1], output[0][2]);
    printf("four ranks %s a plain loop\n", failed ? "DIFFER from" : "agree with");
  }
  rondo_communicator_destroy(ranks);
  rondo_program_destroy(program);
  rondo_context_destroy(context);
  return failed;
}
