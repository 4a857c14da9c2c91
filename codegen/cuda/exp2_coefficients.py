#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints the coefficients of Exp2.cpp: c1, c2, c3 of p(f) = 1 + c1 f + c2 f^2 + c3 f^3 with the smallest largest relative
error against 2^f on [-1/2, 1/2], and that error after rounding them to f32.

p(0) = 1 is fixed: powers of whole numbers are exact, and so is the weight of the largest score. The fit is Lawson's: a
least-squares fit whose points are weighted again and again by how far off they are, until the errors level out.
"""
import math
import struct

DEGREE = 3
POINTS = [i / 1000 for i in range(-500, 501) if i]


def solve(matrix, right):
    """Gaussian elimination with pivots."""
    n = len(right)
    rows = [row[:] + [value] for row, value in zip(matrix, right)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, n):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    result = [0.0] * n
    for i in reversed(range(n)):
        result[i] = (rows[i][n] - sum(rows[i][j] * result[j] for j in range(i + 1, n))) / rows[i][i]
    return result


def relative_error(coefficients, f):
    return (1 + sum(c * f ** (k + 1) for k, c in enumerate(coefficients))) * 2.0**-f - 1


def fit():
    basis = [[f ** (k + 1) * 2.0**-f for k in range(DEGREE)] for f in POINTS]
    target = [1 - 2.0**-f for f in POINTS]
    weights = [1.0] * len(POINTS)
    for _ in range(600):
        matrix = [[sum(w * b[i] * b[j] for w, b in zip(weights, basis)) for j in range(DEGREE)] for i in range(DEGREE)]
        right = [sum(w * b[i] * t for w, b, t in zip(weights, basis, target)) for i in range(DEGREE)]
        coefficients = solve(matrix, right)
        weights = [w * abs(relative_error(coefficients, f)) for w, f in zip(weights, POINTS)]
        total = sum(weights)
        weights = [w / total for w in weights]
    return coefficients


def main():
    rounded = [struct.unpack("f", struct.pack("f", c))[0] for c in fit()]
    for k, c in enumerate(rounded):
        print(f"c{k + 1} = {c:.9g}")
    worst = max(abs(relative_error(rounded, i / 10000)) for i in range(-5000, 5001))
    print(f"largest relative error 2^{math.log2(worst):.2f} = {worst:.2e}")


main()
