#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dense attention in float64 by PyTorch, on the GPU: what every result is compared with."""
import math

# Of O, relative in the Frobenius norm; those of rondo-run --check.
TOLERANCES = {"f16": 6e-4, "bf16": 4e-3}
# Of LSE: the largest difference over max(|LSE|, 1), for logits of at most 8, which normal numbers have.
LSE_TOLERANCE = 1e-5 + 8 * 2**-24


def attend(torch, query, key, value, mask, first_query, queries):
    """O and LSE of rows first_query .. of `queries` rows in all; [B, H, S, D]. Rows that see nothing: 0 and -inf."""
    batches, heads, rows, features = query.shape
    key_heads, keys = key.shape[1:3]
    group = heads // key_heads
    output = torch.zeros(batches, heads, rows, value.shape[3], dtype=torch.float64, device=query.device)
    lse = torch.full((batches, heads, rows), -math.inf, dtype=torch.float64, device=query.device)
    hidden = None
    if mask != "none":
        diagonal = keys - queries if mask == "bottom-right" else 0
        positions = torch.arange(first_query, first_query + rows, device=query.device)
        hidden = torch.arange(keys, device=query.device) > positions[:, None] + diagonal
    for batch in range(batches):
        for head in range(heads):
            k, v = (tensor[batch, head // group].double() for tensor in (key, value))
            scores = query[batch, head].double() @ k.T / math.sqrt(features)
            if hidden is not None:
                scores.masked_fill_(hidden, -math.inf)
            lse[batch, head] = torch.logsumexp(scores, dim=1)
            seen = torch.isfinite(lse[batch, head])
            output[batch, head][seen] = torch.exp(scores[seen] - lse[batch, head][seen, None]) @ v
    return output, lse


def get_errors(torch, output, lse, reference):
    """Of O and of LSE; infinity where one is not finite that should be, or the reverse."""
    true_output, true_lse = reference
    if output.numel() == 0:
        return 0.0, 0.0
    if not bool(torch.isfinite(output).all()) or not torch.equal(torch.isfinite(lse), torch.isfinite(true_lse)):
        return math.inf, math.inf
    norm = float(true_output.norm())
    difference = float((output.double() - true_output).norm())
    seen = torch.isfinite(true_lse)
    lse_difference = (lse.double() - true_lse)[seen].abs() / true_lse[seen].abs().clamp(min=1)
    return difference / norm if norm else difference, float(lse_difference.max()) if seen.any() else 0.0
