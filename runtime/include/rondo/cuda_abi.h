/* What a launcher passes to the generated CUDA kernels: their parameters, tensor maps, grids and shared memory.
 *
 * Each structure is the parameter block of one kernel: its fields are the kernel's parameters, in order, at the offsets
 * that PTX gives them (natural alignment; tensor maps 64 bytes). So it can be passed as a whole
 * (CU_LAUNCH_PARAM_BUFFER_POINTER), or field by field. Pointers are device addresses. Strides count elements.
 *
 * What is fixed when a kernel is generated (tile sizes, cluster, element types, ...) is in rondo_kernel_traits.
 */
/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef RONDO_CUDA_ABI_H
#define RONDO_CUDA_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A CUtensorMap, as cuTensorMapEncodeTiled writes it. All maps: no interleave, 128-byte swizzle, zeros out of bounds,
 * element strides 1; L2 promotion to 256 bytes is best. */
typedef struct {
#ifdef __cplusplus
  alignas(64)
#else
  _Alignas(64)
#endif
      uint8_t bytes[128];
} rondo_tensor_map;

/* A tensor that is read element by element, so that nothing need be aligned: extents and strides of the dimensions that
 * its tensor map has, or would have; the stride of the first one is 1, and strides[i] is that of dimension i + 1. */
typedef struct {
  uint64_t address;
  int64_t strides[4];
  int32_t extents[5];
} rondo_plain_tensor;

/* ---------------------------------------------------------------------------------------------------------------------
 * attend: O = softmax(scale Q K^T) V and LSE for one shard of queries and one of keys
 *
 * Rows. The G = H_q / H_kv query heads that share a key/value head are packed into the rows of one matrix with
 * `rows` = G * S_q rows. A row is (outer, inner) = (row / row_inner, row % row_inner). Two packings are in use:
 *
 *                       row_inner   row                  queries' map          box             box_rows
 *   by head             G * S_q     head * S_q + s       {D, G*S_q, 1, ..}     {64, 64, 1, ..} 64
 *   by position         G           s * G + head         {D, G, S_q, ..}       {64, G, n, ..}  n * G, n = 64 / G
 *
 * The first needs heads of Q that lie S_q rows apart, as in contiguous [B, H, S, D]; it needs the same of the outputs.
 * The second takes any strides: [B, S, H, D] above all. It needs G <= 64.
 *
 * Tiles. A CTA works on row tiles of `warpgroups` * box_rows rows; each consumer warpgroup has one box of them. Keys
 * come in blocks of `block_keys`.
 *
 * Causal kernels: key j is visible to a row if j <= position + diagonal, where
 * position = (row / position_divisor) % query_count; by head: the divisor is 1, by position: G. `diagonal` is
 * query_start - key_start + the op's diagonal, clamped to +-2^30.
 *
 * Grid form (not persistent): grid (row tiles, rounded up to the cluster; H_kv; splits * B, split slowest), where row
 * tiles = ceil(rows / (warpgroups * box_rows)). Split s attends key blocks [s, s+1) * blocks_per_split, and writes its
 * partial result at s * output_split_stride, s * lse_split_stride. Where it sees no keys it writes O = 0, LSE = -inf.
 * Persistent form: grid (number of rows of `tiles`, 1, 1), a multiple of the cluster; no splits; needs S_kv > 0 (the
 * grid form does not).
 * Both: block (128 * (warpgroups + 1), 1, 1), dynamic shared memory `shared_bytes` (needs
 * CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), cluster (cluster, 1, 1), which is also in the cubin.
 * A kernel with `dependent_launch` waits for the kernel before it (griddepcontrol) before it reads memory, and lets the
 * next one start early: launch both with programmatic stream serialization, or without; that is right too.
 *
 * plain_queries, plain_keys and plain_values are always set. Kernels with `plain_loads` read these, and no map; causal
 * kernels read them where a value that is not finite belongs to a key that a row does not see.
 *
 * Kernels with `scaled_rows` write partial results of 16 bits that hold any f32: the row times a power of two as f16,
 * or the row as bf16 where f16 would lose small elements. The f32 at `scales`, where the row's LSE is at `lse`, is what
 * to multiply the row by if it is positive; if it is negative, the row is bf16.
 *
 * Rows of O (or of partial O) that are written as 16-bit elements must be 16-byte aligned if D_v is a multiple of 8: so
 * must be `output` and the strides.
 * ------------------------------------------------------------------------------------------------------------------ */
typedef struct {
  rondo_tensor_map queries; /* {D, inner, outer, H_kv, B} of 16-bit elements; box {64, see above, 1, 1} */
  rondo_tensor_map keys;    /* {D, S_kv, H_kv, B};   box {64, block_keys / cluster, 1, 1} */
  rondo_tensor_map values;  /* {D_v, S_kv, H_kv, B}; box {64, block_keys / cluster, 1, 1} */
  uint64_t output;          /* of the kernel's output type */
  uint64_t lse;             /* f32, natural logarithm */
  uint64_t scales;          /* f32, see above; has the strides of lse. Only with scaled_rows */
  uint64_t tiles;           /* persistent form: i32[][tile_stride], see rondo_tile */
  int64_t output_split_stride;
  int64_t output_batch_stride;
  int64_t output_head_stride; /* from one key/value head to the next */
  int64_t output_outer_stride;
  int64_t output_inner_stride;
  int64_t lse_split_stride;
  int64_t lse_batch_stride;
  int64_t lse_head_stride;
  int64_t lse_outer_stride;
  int64_t lse_inner_stride;
  int32_t rows;
  int32_t keys_count; /* S_kv */
  int32_t heads;      /* H_kv */
  int32_t batches;
  int32_t row_inner;
  int32_t box_rows;
  int32_t blocks_per_split; /* grid form, > 0 */
  int32_t tile_stride;      /* persistent form: i32 from one row of `tiles` to the next; even */
  int32_t query_count;      /* S_q; causal kernels */
  int32_t position_divisor; /* causal kernels */
  int32_t diagonal;         /* causal kernels */
  float scale_log2; /* |scale| * log2(e); for scale 0 any tiny positive number. For a negative scale, generate the
                       kernel with negate_scores. */
  rondo_plain_tensor plain_queries; /* the tensors of the maps, with the same dimensions */
  rondo_plain_tensor plain_keys;
  rondo_plain_tensor plain_values;
} rondo_attend_arguments;

/* The tile table of the persistent form. One row for each CTA: a count of tiles, at least 1, a word that is not used,
 * then as many tiles, in the order in which the CTA works on them. The row has room for one tile more, which is read,
 * but not used.
 *
 *   word 0   row tile | head << 16 | batch << 24
 *   word 1   key blocks (at least 1; from block 0) | of these, the last that need the mask (at least 1) << 16
 *
 * Masked blocks are those that hold a key which is not visible to every row of the tile; only causal kernels read the
 * count. CTAs of a cluster have the same tiles, but for the row tile: the i-th CTA's is the i-th from a multiple of the
 * cluster on, which may lie past the end. What is said of keys holds for the rows of them all. */
typedef struct {
  uint32_t place;
  uint32_t blocks;
} rondo_tile;

enum { RONDO_TILE_HEAD_SHIFT = 16, RONDO_TILE_BATCH_SHIFT = 24, RONDO_TILE_MASKED_SHIFT = 16 };

/* ---------------------------------------------------------------------------------------------------------------------
 * merge: one result of `parts` partial results of the same rows, and of one that arrives if the kernel has `arriving`
 *
 * Rows are numbered in the order [B, H_q, S_q]. Partial results are contiguous in that order: O [parts][rows][D_v] and
 * LSE [parts][rows]. The arriving O and the output O have strides; both LSEs are contiguous; arriving and output may be
 * the same memory. If D_v is even, rows of O must be aligned to two elements. A partial of LSE -inf adds nothing,
 * whatever its O holds. A kernel with `scaled_rows` merges what attend kernels with `scaled_rows` write; scales are
 * contiguous, as LSEs are.
 *
 * Grid (ceil(rows / rows_per_block), 1, 1), block (128, 1, 1), no dynamic shared memory. A kernel with
 * `dependent_launch` waits for the kernel before it (griddepcontrol) after it has read what arrives: if it is launched
 * with programmatic stream serialization, what arrives must not be written by that kernel. It may be written
 * - by work of another stream whose event the stream has awaited, also between the two kernels: programmatic
 *   serialization relaxes the order to the kernel before it alone, never that to an event;
 * - by a kernel before that one: kernels with `dependent_launch` let the next one begin only after they have waited
 *   themselves, when all before them is complete, and others begin only then.
 * A copy or a fill directly before it is no kernel: then do not rely on either, and launch without.
 * ------------------------------------------------------------------------------------------------------------------ */
typedef struct {
  uint64_t partial_output; /* of the partial type */
  uint64_t partial_lse;
  uint64_t partial_scales;  /* only with scaled_rows */
  uint64_t arriving_output; /* of the arriving type; not read unless the kernel has `arriving` */
  uint64_t arriving_lse;
  uint64_t output; /* of the output type */
  uint64_t lse;
  int64_t output_batch_stride;
  int64_t output_head_stride;
  int64_t output_row_stride;
  int64_t arriving_batch_stride;
  int64_t arriving_head_stride;
  int64_t arriving_row_stride;
  int32_t rows; /* B * H_q * S_q */
  int32_t parts;
  int32_t heads;       /* H_q */
  int32_t query_count; /* S_q */
} rondo_merge_arguments;

/* ---------------------------------------------------------------------------------------------------------------------
 * elementwise: any linalg operation, its parallel dimensions flattened over the threads of the grid
 *
 * The only parameter is the dispatch's argument block, by value. Thread t of n does elements t, t + n, t + 2n, ... of
 * the iteration space, so that any grid is right. Block (threads, 1, 1), no dynamic shared memory.
 * ------------------------------------------------------------------------------------------------------------------ */

typedef enum { RONDO_ELEMENT_F32 = 0, RONDO_ELEMENT_F16 = 1, RONDO_ELEMENT_BF16 = 2 } rondo_element;

/* What a launcher must know of a generated kernel. Kernels that have no such thing leave a field 0. */
typedef struct {
  int32_t threads;      /* of a CTA */
  int32_t shared_bytes; /* dynamic */
  int32_t cluster;      /* CTAs of a cluster, along x */
  int32_t warpgroups;   /* attend: that compute, besides the one that loads */
  int32_t block_keys;   /* attend */
  int32_t causal;
  int32_t persistent;
  int32_t dependent_launch;
  int32_t rows_per_block; /* merge */
  int32_t arriving;       /* merge */
  int32_t plain_loads;    /* attend: D or D_v is not a multiple of 8 */
  int32_t scaled_rows;    /* partial results are scaled row by row */
} rondo_kernel_traits;

/* ---------------------------------------------------------------------------------------------------------------------
 * What a program for CUDA consists of, besides its entries
 *
 * An entry launches operations, by the table's `launch`. Which of an operation's kernels runs, with how many splits,
 * follows at run time from the extents in the argument block and from the GPU, by a deterministic model.
 * ------------------------------------------------------------------------------------------------------------------ */

/* Machine code (a cubin), or PTX with a terminating NUL, which the driver compiles. */
typedef struct {
  const void *data;
  uint64_t bytes;
} rondo_cuda_image;

typedef struct {
  const char *symbol; /* in its image */
  int32_t image;
  rondo_element input;    /* attend: of Q, K, V; merge: of the partial results */
  rondo_element output;   /* of O */
  rondo_element arriving; /* merge */
  rondo_kernel_traits traits;
} rondo_cuda_kernel;

typedef enum { RONDO_CUDA_ATTEND = 1, RONDO_CUDA_MERGE = 2, RONDO_CUDA_ELEMENTWISE = 3 } rondo_cuda_operation_kind;

/* Operands are numbers of slots of the argument block, of 8 bytes each; -1: absent. A tensor begins at its slot with
 * pointer, offset, sizes, strides (the last two as many as it has dimensions; all in elements), a number is an i64. */
enum {
  RONDO_ATTEND_QUERY = 0, /* 4 dimensions each: [B, H, S, D] */
  RONDO_ATTEND_KEY = 1,
  RONDO_ATTEND_VALUE = 2,
  RONDO_ATTEND_OUTPUT = 3,
  RONDO_ATTEND_LSE = 4,         /* 3 dimensions: [B, H, S] */
  RONDO_ATTEND_QUERY_START = 5, /* numbers; causal only */
  RONDO_ATTEND_KEY_START = 6,
  RONDO_ATTEND_DIAGONAL = 7,
  RONDO_MERGE_PARTIAL_OUTPUT = 0, /* is merged ... */
  RONDO_MERGE_PARTIAL_LSE = 1,
  RONDO_MERGE_OUTPUT = 2, /* ... into this, which is read and written */
  RONDO_MERGE_LSE = 3,
  RONDO_ELEMENTWISE_SHAPE = 0, /* a tensor whose extents are the parallel dimensions' */
  RONDO_CUDA_OPERANDS = 8
};

/* What is `joined` works in pairs. The attention leaves its parts in the runtime's memory, instead of merging them into
 * its operand; the merge, which must be the next operation on the stream and have the attention's O and LSE as its
 * partial operands, takes them from there, by the kernel that the attention's operation names in `merge`: one with
 * `arriving`. An attention that needs no parts writes its operand, which the merge then reads, as ever.
 *
 * attend: kernels[0 .. kernel_count) compute the same. Those whose output has the operand's type write it; those of
 *   another type, and all where there are several splits, write partial results, which kernels[merge] combines. A
 *   kernel for a negative scale negates scores itself.
 * merge: kernels[0] is one with `arriving`; what is merged into is what arrives, and is the output.
 * elementwise: kernels[0]; `dimensions` is the rank of RONDO_ELEMENTWISE_SHAPE. */
typedef struct rondo_cuda_operation {
  int32_t kind; /* rondo_cuda_operation_kind */
  int32_t kernel_count;
  const int32_t *kernels; /* numbers of kernels of the program */
  int32_t merge;          /* attend: the number of a kernel of the program; -1: none, so no splits */
  int32_t dimensions;     /* elementwise */
  int32_t operands[RONDO_CUDA_OPERANDS];
  double scale;                 /* attend: of the scores */
  rondo_element operand_output; /* attend, merge: the type of O in memory */
  int32_t joined;               /* attend, merge: see above */
} rondo_cuda_operation;

typedef struct rondo_cuda_code {
  uint32_t image_count, kernel_count;
  const rondo_cuda_image *images;
  const rondo_cuda_kernel *kernels;
} rondo_cuda_code;

#ifdef __cplusplus
}
#endif

#endif /* RONDO_CUDA_ABI_H */
