#!/usr/bin/env python3
"""Magnitude, Wanda, SparseGPT and WANDA++ (as published) in plain PyTorch, for Llama-type folders.

An independent oracle: it shares no code with the Swift product and needs only torch and safetensors.
Everything is float32; Cholesky factors are float64. Choices that the papers leave open are made so:

  groups   magnitude: the whole matrix; Wanda and WANDA++: one output row; SparseGPT: 128 consecutive columns x
           all rows. K:M: M consecutive input columns of a row, K kept. floor(s*n) of a group go; among equal
           scores the lower (row-major) index goes first.
  stream   block b+1 is fed by the pruned block b. Statistics of all linears of a block come from one pass of
           the block through the samples, before any of its linears is pruned.
  WANDA++  L_n = Frobenius norm of the block's output for sequence n; G = sqrt(mean_n g_n^2), once, dense block.
           S = (alpha*G + |X|)*|W|, |X_j| = sqrt(sum x_j^2) over the samples of that step, not divided.
           Teacher: the dense block on the same (pruned) stream. Round k = 1..K: draw 32 sequences; |X| on them
           from the block as it stands; prune by S; one RMSprop step (fresh state) per sequence, in drawn order,
           on the summed squared error, mask not enforced. Then |X| on all samples and a final prune.
           RGS only: G, |X| of the dense block on all samples, one prune. RO only: the same rounds with G = 0.
  draw     round k (from 1) of block b (from 0): SplitMix64 with state
           seed ^ (b*0x9E3779B97F4A7C15 + k*0xBF58476D1CE4E5B9), modulo 2^64; Fisher-Yates on 0..n-1
           (for i = n-1 ... 1: j = next() % (i+1), swap i and j); the first 32 in that order.

Perplexity: each row of the token file is one window, no BOS added, first token not scored.
"""

import argparse
import json
import math
import os
import time

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file

LINEARS = [
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
]
M64 = (1 << 64) - 1


# ---------------------------------------------------------------- the model


class Model:
    def __init__(self, folder):
        self.config = c = json.load(open(os.path.join(folder, "config.json")))
        self.files = {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".safetensors"):
                with safe_open(os.path.join(folder, name), "pt") as f:
                    for key in f.keys():
                        self.files[key] = os.path.join(folder, name)
        self.layers, self.heads = c["num_hidden_layers"], c["num_attention_heads"]
        self.kv = c.get("num_key_value_heads") or self.heads
        self.head_dim = c.get("head_dim") or c["hidden_size"] // self.heads
        self.eps, self.theta = c.get("rms_norm_eps", 1e-6), c.get("rope_theta", 10000.0)
        self.blocks = [self.load_block(b) for b in range(self.layers)]

    def tensor(self, key):
        with safe_open(self.files[key], "pt") as f:
            return f.get_tensor(key).float()

    def load_block(self, b):
        names = [n + ".weight" for n in LINEARS + ["input_layernorm", "post_attention_layernorm"]]
        return {n.removesuffix(".weight"): self.tensor(f"model.layers.{b}.{n}") for n in names}

    def norm(self, x, weight):
        return weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))

    def rope(self, x):  # [1, heads, T, head_dim]
        d, t = self.head_dim, x.shape[-2]
        inverse = 1.0 / self.theta ** (torch.arange(0, d, 2).float() / d)
        angle = torch.outer(torch.arange(t).float(), inverse).repeat(1, 2)  # [T, head_dim]
        turned = torch.cat((-x[..., d // 2 :], x[..., : d // 2]), -1)
        return x * angle.cos() + turned * angle.sin()

    def block(self, w, x, seen=None):
        """x [1, T, hidden] -> the block's output; `seen(name, input)` is called for every linear."""

        def linear(name, input):
            if seen:
                seen(name, input.detach())
            return input @ w[name].T

        t = x.shape[1]

        def split(y, n):
            return y.view(1, t, n, self.head_dim).transpose(1, 2)

        h = self.norm(x, w["input_layernorm"])
        q = self.rope(split(linear("self_attn.q_proj", h), self.heads))
        k = self.rope(split(linear("self_attn.k_proj", h), self.kv)).repeat_interleave(self.heads // self.kv, 1)
        v = split(linear("self_attn.v_proj", h), self.kv).repeat_interleave(self.heads // self.kv, 1)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + linear("self_attn.o_proj", a.transpose(1, 2).reshape(1, t, -1))
        h = self.norm(x, w["post_attention_layernorm"])
        gated = F.silu(linear("mlp.gate_proj", h)) * linear("mlp.up_proj", h)
        return x + linear("mlp.down_proj", gated)

    def embed(self, tokens):
        table = self.tensor("model.embed_tokens.weight")
        return [F.embedding(row.long(), table)[None] for row in tokens]

    def perplexity(self, tokens):
        head = self.tensor("lm_head.weight" if "lm_head.weight" in self.files else "model.embed_tokens.weight")
        final, total, count = self.tensor("model.norm.weight"), 0.0, 0
        for row, x in zip(tokens.long(), self.embed(tokens)):
            for w in self.blocks:
                x = self.block(w, x)
            logits = self.norm(x[0, :-1], final) @ head.T
            total += F.cross_entropy(logits, row[1:], reduction="sum").item()
            count += len(row) - 1
        return math.exp(total / count)


# ---------------------------------------------------------------- masks and solvers


def keep_mask(score, pattern, sparsity, group):
    """True = stays. `group` is "row" or "all" and matters to the unstructured pattern only."""
    rows, columns = score.shape
    if pattern == "unstructured":
        s = score.reshape(1, -1) if group == "all" else score
        remove = int(sparsity * s.shape[1])
    else:
        keep, size = map(int, pattern.split(":"))
        s, remove = score.reshape(-1, size), size - keep
    order = torch.sort(s, dim=1, stable=True).indices
    return torch.ones_like(s, dtype=torch.bool).scatter_(1, order[:, :remove], False).view(rows, columns)


def sparsegpt(w, h, pattern, sparsity, size=128, damping=0.01):
    """w [out, in], h = (2/n) X X^T [in, in] -> pruned and updated weights."""
    w, h = w.clone(), h.clone()
    dead = h.diag() == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    h += damping * h.diag().mean() * torch.eye(len(h))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(h.double()))
    u = torch.linalg.cholesky(inverse, upper=True).float()
    for start in range(0, w.shape[1], size):
        end = min(start + size, w.shape[1])
        part, error = w[:, start:end].clone(), torch.zeros(w.shape[0], end - start)
        u_part = u[start:end, start:end]
        keep = torch.ones_like(part, dtype=torch.bool)
        if pattern == "unstructured":
            keep = keep_mask(part**2 / u_part.diag() ** 2, pattern, sparsity, "all")
        for i in range(end - start):
            if pattern != "unstructured" and i % int(pattern.split(":")[1]) == 0:
                m = slice(i, i + int(pattern.split(":")[1]))
                keep[:, m] = keep_mask(part[:, m] ** 2 / u_part.diag()[m] ** 2, pattern, sparsity, "row")
            column = part[:, i] * keep[:, i]
            error[:, i] = (part[:, i] - column) / u_part[i, i]
            part[:, i:] -= error[:, i : i + 1] * u_part[i, i:]
            part[:, i] = column
        w[:, start:end] = part
        w[:, end:] -= error @ u[start:end, end:]
    return w


def draw(n, count, seed, block, round):
    state = seed ^ ((block * 0x9E3779B97F4A7C15 + round * 0xBF58476D1CE4E5B9) & M64)

    def next():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & M64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
        return z ^ (z >> 31)

    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = next() % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order[:count]


# ---------------------------------------------------------------- one block


def squares(model, w, xs):
    """Sum over samples and tokens of x_j^2 for the input of every linear."""
    sums = {n: 0.0 for n in LINEARS}

    def seen(name, x):
        sums[name] = sums[name] + x[0].pow(2).sum(0)

    with torch.no_grad():
        outputs = [model.block(w, x, seen) for x in xs]
    return sums, outputs


def hessians(model, w, xs):
    sums = {n: 0.0 for n in LINEARS}

    def seen(name, x):
        sums[name] = sums[name] + (2.0 / len(xs)) * (x[0].T @ x[0])

    with torch.no_grad():
        for x in xs:
            model.block(w, x, seen)
    return sums


def regional_gradient(model, w, xs):
    sums = {n: torch.zeros_like(w[n]) for n in LINEARS}
    p = {k: v.clone().requires_grad_(k in LINEARS) for k, v in w.items()}
    for x in xs:
        grads = torch.autograd.grad(model.block(p, x).norm(), [p[n] for n in LINEARS])
        for n, g in zip(LINEARS, grads):
            sums[n] += g**2
    return {n: (sums[n] / len(xs)).sqrt() for n in LINEARS}


def prune_block(model, w, xs, b, o, log):
    """Changes the weights of block b in place."""

    def by_score(sums, g):
        for n in LINEARS:
            score = (o.alpha * g[n] + sums[n].sqrt()) * w[n].abs() if g else sums[n].sqrt() * w[n].abs()
            w[n] = w[n] * keep_mask(score, o.pattern, o.sparsity, "row")

    if o.method == "magnitude":
        for n in LINEARS:
            w[n] = w[n] * keep_mask(w[n].abs(), o.pattern, o.sparsity, "all")
    elif o.method == "wanda":
        by_score(squares(model, w, xs)[0], None)
    elif o.method == "sparsegpt":
        h = hessians(model, w, xs)
        for n in LINEARS:
            w[n] = sparsegpt(w[n], h[n], o.pattern, o.sparsity)
    else:
        g = None if o.ablation == "ro" else regional_gradient(model, w, xs)
        log["G"] = g
        sums, teacher = squares(model, w, xs)
        if o.ablation == "rgs":
            by_score(sums, g)
            return
        log["rounds"] = []
        for k in range(1, o.rounds + 1):
            drawn = draw(len(xs), o.round_samples, o.seed, b, k)
            by_score(squares(model, w, [xs[i] for i in drawn])[0], g)
            parameters = [w[n].requires_grad_() for n in LINEARS]
            optimizer, losses = torch.optim.RMSprop(parameters, lr=o.learning_rate), []
            for i in drawn:
                loss = (model.block(w, xs[i]) - teacher[i]).pow(2).sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            for n in LINEARS:
                w[n] = w[n].detach()
            log["rounds"].append(sum(losses) / len(losses))
        by_score(squares(model, w, xs)[0], g)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model")
    a.add_argument("--calibration", required=True, help="safetensors with `tokens` [n, T]")
    a.add_argument("--eval", action="append", default=[], metavar="FILE[:ROWS]")
    a.add_argument("--method", default="wanda++", choices=["dense", "magnitude", "wanda", "sparsegpt", "wanda++"])
    a.add_argument("--ablation", choices=["rgs", "ro"], help="only the score (rgs) or only the optimizer (ro)")
    a.add_argument("--pattern", default="unstructured", help="unstructured or K:M (K kept)")
    a.add_argument("--sparsity", type=float, default=0.5, help="of the unstructured pattern")
    a.add_argument("--blocks", type=int, help="prune only the first N blocks")
    a.add_argument("--samples", type=int, help="use only the first N calibration sequences")
    a.add_argument("--alpha", type=float, default=100)
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--round-samples", type=int, default=32)
    a.add_argument("--learning-rate", type=float, default=3e-7)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--dump", help="block 0 to DUMP.safetensors (G.*, mask.*) and DUMP.json (loss per round)")
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    model = Model(o.model)
    tokens = load_file(o.calibration)["tokens"][: o.samples]
    start, xs = time.process_time(), model.embed(tokens)
    for b in range(0 if o.method == "dense" else min(o.blocks or model.layers, model.layers)):
        w, log = model.blocks[b], {}
        dense_norm = sum(w[n].abs().sum().item() for n in LINEARS)
        prune_block(model, w, xs, b, o, log)
        with torch.no_grad():
            xs = [model.block(w, x) for x in xs]
        zeros = sum((w[n] == 0).sum().item() for n in LINEARS) / sum(w[n].numel() for n in LINEARS)
        print(
            f"block {b}: {100 * zeros:.3f} % zero, |W| left {sum(w[n].abs().sum().item() for n in LINEARS) / dense_norm:.4f},"
            f" rounds {log.get('rounds')}, {time.process_time() - start:.0f} s",
            flush=True,
        )
        if b == 0 and o.dump:
            tensors = {f"mask.{n}": (w[n] != 0).to(torch.uint8) for n in LINEARS}
            tensors |= {f"G.{n}": g for n, g in (log.get("G") or {}).items()}
            save_file(tensors, o.dump + ".safetensors")
            json.dump({"rounds": log.get("rounds"), "options": vars(o)}, open(o.dump + ".json", "w"), indent=1)
    with torch.no_grad():
        for spec in o.eval:
            path, _, rows = spec.partition(":")
            rows = load_file(path)["tokens"][: int(rows) if rows else None]
            print(f"perplexity {os.path.basename(path)} ({len(rows)} rows): {model.perplexity(rows):.4f}", flush=True)


if __name__ == "__main__":
    main()
