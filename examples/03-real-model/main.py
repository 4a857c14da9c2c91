# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Embeds sentences with a pretrained encoder whose every attention Rondo computes, and checks the embeddings."""
import argparse
import sys

import numpy as np

import rondo
from encoder import SentenceEncoder, dense_attention, model_folder

# Each sentence of a pair must find the other as its nearest neighbour.
PAIRS = [
    ("The weather is lovely today.",
     "It's so sunny outside!"),
    ("He drove to the stadium.",
     "The match was sold out, so he had to park his car far from the arena."),
    ("A cat is sleeping on the sofa.",
     "The kitten takes a nap on the couch."),
    ("The central bank raised interest rates by half a percentage point.",
     "Mortgages and other loans have become more expensive."),
    ("Galaxies",
     "The Milky Way is one of perhaps two trillion galaxies in the observable universe. It is a barred spiral, some "
     "hundred thousand light-years across, and holds between one and four hundred billion stars. The Sun lies on the "
     "inner edge of one of its arms, about twenty-seven thousand light-years from the centre, and takes some two "
     "hundred and thirty million years to go round it once. In about four and a half billion years the Andromeda "
     "galaxy and ours will meet, pass through each other, and in the end become one large elliptical galaxy."),
]
# No words, only the two tokens that mark a text's begin and end: fewer tokens than ranks.
EMPTY = ""
# What the Sentence Transformers documentation prints for this model: (sentence, sentence): similarity.
PUBLISHED = {(0, 1): 0.6660, (0, 2): 0.1046, (1, 2): 0.1411}


class RondoAttention:
    """Attention over the ranks of a communicator; counts what it computes and what the ranks send each other."""

    def __init__(self, program, communicator, ranks):
        self.program, self.communicator, self.ranks = program, communicator, ranks
        self.runs, self.bytes_sent, self.lengths = 0, 0, set()

    def __call__(self, query, key, value):
        output = np.empty_like(query)  # in the memory order of the query, heads within tokens
        rondo.run(self.program, self.communicator, [query, key, value], [output])
        self.runs += 1
        self.bytes_sent += sum(self.communicator.statistics(rank).bytes_sent for rank in range(self.ranks))
        self.lengths.add(query.shape[2])
        return output


def nearest_neighbours(similarities):
    others = similarities.copy()
    np.fill_diagonal(others, -np.inf)
    return others.argmax(axis=1)


def report(sentences, token_counts, similarities, nearest):
    print(" no  tokens  nearest  similarity  sentence")
    for i, sentence in enumerate(sentences):
        text = sentence if len(sentence) <= 60 else sentence[:57] + "..."
        print(f"{i + 1:3}  {token_counts[i]:6}  {nearest[i] + 1:7}  {similarities[i, nearest[i]]:10.3f}  \"{text}\"")


def check(cosine, difference, similarities, nearest):
    """Yields what is wrong."""
    if not cosine >= 0.99999:
        yield f"the worst cosine between the two networks' embeddings is {cosine:.9f}; expected at least 0.99999"
    if not difference <= 1e-5:
        yield f"the two networks' embeddings differ by {difference:.3g} in an entry; expected at most 1e-5"
    for i in range(2 * len(PAIRS)):
        if nearest[i] != i ^ 1:
            yield f"the nearest neighbour of sentence {i + 1} is {nearest[i] + 1}; expected {(i ^ 1) + 1}"
    for (i, j), expected in PUBLISHED.items():
        actual = similarities[i, j]
        if not abs(actual - expected) <= 1e-4:
            yield f"the similarity of sentences {i + 1} and {j + 1} is {actual:.4f}; expected {expected:.4f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="attention.mlir, compiled")
    parser.add_argument("--library", default="librondo_runtime.so", help="the runtime (default: %(default)s)")
    parser.add_argument("--ranks", type=int, default=3, help="ranks that share each attention (default: %(default)s)")
    arguments = parser.parse_args()

    sentences = [sentence for pair in PAIRS for sentence in pair] + [EMPTY]
    encoder = SentenceEncoder(model_folder())
    with rondo.Context(arguments.library) as context, \
         rondo.Program(context, arguments.program) as program, \
         rondo.Communicator(context, arguments.ranks) as communicator:
        attention = RondoAttention(program, communicator, arguments.ranks)
        embeddings = np.stack([encoder.embed(sentence, attention) for sentence in sentences])
    dense = np.stack([encoder.embed(sentence, dense_attention) for sentence in sentences])

    cosine = np.einsum("sf,sf->s", embeddings, dense, dtype=np.float64).min()
    difference = np.abs(embeddings - dense).max()
    similarities = embeddings @ embeddings.T
    nearest = nearest_neighbours(similarities)
    report(sentences, [len(encoder.tokens(sentence)) for sentence in sentences], similarities, nearest)
    print(f"\nattentions computed by Rondo: {attention.runs} of {encoder.layers * len(sentences)}, "
          f"at {len(attention.lengths)} lengths from {min(attention.lengths)} to {max(attention.lengths)} tokens")
    print(f"ranks: {arguments.ranks}, which sent each other {attention.bytes_sent / 1e6:.1f} MB")
    print(f"against the same network with dense float64 attention: worst cosine {cosine:.6f}, "
          f"largest difference of an entry {difference:.6f}")
    problems = list(check(cosine, difference, similarities, nearest))
    for problem in problems:
        print(f"03-real-model: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (rondo.Error, OSError) as error:
        sys.exit(f"03-real-model: {error}")
