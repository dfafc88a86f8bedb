// Causal attention with grouped keys: plain matrix products over chunks of queries, each chunk reading only the keys it
// may see, and one fused pass for the softmax. For 512 tokens, 9 heads of 64, one AVX-512 thread, it took 4.2 ms in
// bfloat16 and 6.3 ms in float32, libtorch's fused CPU kernel 14.6 and 8.5 (best of five, 2026-11-22). The
// probabilities of a chunk are kept for the backward pass, heads * t * s numbers per sequence; without gradients only
// one chunk's exist at a time.
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

#include "handles.h"
#include "loops.h"
#include "parallel.h"

using namespace espalier;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace {

constexpr int64_t kChunk = 128;

struct Shape {
  int64_t batch, queries, heads, width, keys, groups, kv;
  Shape(const at::Tensor &q, const at::Tensor &k)
      : batch(q.size(0)),
        queries(q.size(1)),
        heads(q.size(2)),
        width(q.size(3)),
        keys(k.size(1)),
        groups(q.size(2) / k.size(2)),
        kv(k.size(2)) {}
};

// The key positions that the queries [begin, end) may see.
struct Span {
  int64_t first, last;
  Span(const Shape &shape, int64_t begin, int64_t end, int64_t window) {
    int64_t past = shape.keys - shape.queries;
    last = past + end;
    first = window > 0 ? std::max<int64_t>(0, past + begin - window + 1) : 0;
  }
};

// [b, t, heads, d] rows begin..<end -> [b * kv, groups * rows, d]
at::Tensor gather_queries(const at::Tensor &t, const Shape &shape, int64_t begin, int64_t end) {
  return t.narrow(1, begin, end - begin)
      .unflatten(2, {shape.kv, shape.groups})
      .permute({0, 2, 3, 1, 4})
      .reshape({shape.batch * shape.kv, shape.groups * (end - begin), shape.width});
}

// and back into rows begin..<end of [b, t, heads, d]
void scatter_queries(const at::Tensor &part, at::Tensor &into, const Shape &shape, int64_t begin, int64_t end) {
  into.narrow(1, begin, end - begin)
      .unflatten(2, {shape.kv, shape.groups})
      .copy_(part.view({shape.batch, shape.kv, shape.groups, end - begin, shape.width}).permute({0, 3, 1, 2, 4}));
}

// [b, s, kv, d] -> [b * kv, s, d]
at::Tensor gather_keys(const at::Tensor &t, const Shape &shape) {
  return t.transpose(1, 2).reshape({shape.batch * shape.kv, shape.keys, shape.width});
}

template <typename Body>
void for_each_row(const at::Tensor &scores, const Shape &shape, const Span &span, int64_t begin, int64_t end,
                  int64_t window, Body body) {
  int64_t rows = end - begin, width = span.last - span.first, past = shape.keys - shape.queries;
  parallel_for(scores.size(0) * scores.size(1), std::max<int64_t>(1, 8192 / width), [&](int64_t a, int64_t z) {
    for (int64_t r = a; r < z; ++r) {
      int64_t position = past + begin + r % rows;
      int64_t lowest = window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
      body(r * width, lowest - span.first, position + 1 - span.first, width);
    }
  });
}

at::Tensor probabilities(const at::Tensor &q, const at::Tensor &k, const Shape &shape, const Span &span, int64_t begin,
                         int64_t end, double scale, int64_t window) {
  auto scores =
      at::bmm(gather_queries(q, shape, begin, end), k.narrow(1, span.first, span.last - span.first).transpose(1, 2));
  dispatch(scores, [&](auto *p) {
    for_each_row(scores, shape, span, begin, end, window, [&](int64_t at, int64_t first, int64_t last, int64_t width) {
      softmax_range(p + at, first, last, width, float(scale));
    });
  });
  return scores;
}

struct Attention : Function<Attention> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                            double scale, int64_t window) {
    Shape shape(q, k);
    auto keys = gather_keys(k, shape), values = gather_keys(v, shape);
    auto out = at::empty({shape.batch, shape.queries, shape.heads, shape.width}, q.options());
    bool keep = q.requires_grad() || k.requires_grad() || v.requires_grad();
    variable_list saved = {q, keys, values};
    for (int64_t begin = 0; begin < shape.queries; begin += kChunk) {
      int64_t end = std::min(begin + kChunk, shape.queries);
      Span span(shape, begin, end, window);
      auto p = probabilities(q, keys, shape, span, begin, end, scale, window);
      scatter_queries(at::bmm(p, values.narrow(1, span.first, span.last - span.first)), out, shape, begin, end);
      if (keep) saved.push_back(p);
    }
    if (keep) context->save_for_backward(saved);
    context->saved_data["scale"] = scale;
    context->saved_data["window"] = window;
    return out.flatten(2, 3);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &q = saved[0], &keys = saved[1], &values = saved[2];
    double scale = context->saved_data["scale"].toDouble();
    int64_t window = context->saved_data["window"].toInt();
    int64_t batch = q.size(0), kv = keys.size(0) / batch;
    Shape shape(q, keys.view({batch, kv, keys.size(1), keys.size(2)}).transpose(1, 2));
    auto out = gradients[0].unflatten(2, {shape.heads, shape.width});
    auto gq = at::empty(q.sizes(), q.options());
    auto gk = at::zeros_like(keys), gv = at::zeros_like(values);
    size_t chunk = 3;
    for (int64_t begin = 0; begin < shape.queries; begin += kChunk, ++chunk) {
      int64_t end = std::min(begin + kChunk, shape.queries);
      Span span(shape, begin, end, window);
      int64_t width = span.last - span.first;
      const auto &p = saved[chunk];
      auto go = gather_queries(out, shape, begin, end);
      gv.narrow(1, span.first, width).baddbmm_(p.transpose(1, 2), go);
      auto gs = at::bmm(go, values.narrow(1, span.first, width).transpose(1, 2));
      dispatch(gs, [&](auto *g) {
        const auto *pp = data_as<std::remove_pointer_t<decltype(g)>>(p);
        for_each_row(gs, shape, span, begin, end, window,
                     [&](int64_t at, int64_t first, int64_t last, int64_t columns) {
                       softmax_backward_range(pp + at, g + at, first, last, columns, float(scale));
                     });
      });
      scatter_queries(at::bmm(gs, keys.narrow(1, span.first, width)), gq, shape, begin, end);
      gk.narrow(1, span.first, width).baddbmm_(gs.transpose(1, 2), gather_queries(q, shape, begin, end));
    }
    auto back = [&](const at::Tensor &t) { return t.view({batch, shape.kv, shape.keys, shape.width}).transpose(1, 2); };
    return {gq, back(gk), back(gv), at::Tensor(), at::Tensor()};
  }
};

// The keys that each query may see, bool [queries, keys].
at::Tensor allowed(const at::Tensor &q, const Shape &shape, int64_t window) {
  auto options = q.options().dtype(at::kLong);
  auto row = at::arange(shape.keys - shape.queries, shape.keys, options).unsqueeze(1);
  auto column = at::arange(shape.keys, options).unsqueeze(0);
  auto allowed = column <= row;
  return window > 0 ? allowed.logical_and(column > row - window) : allowed;
}

// With a soft cap of the products, which no fused attention of libtorch has. A chunk of queries at a time.
at::Tensor capped(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, double scale, int64_t window,
                  double cap) {
  Shape shape(q, k);
  auto keys = gather_keys(k, shape), values = gather_keys(v, shape);
  auto all = allowed(q, shape, window);
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < shape.queries; begin += kChunk) {
    int64_t end = std::min(begin + kChunk, shape.queries);
    Span span(shape, begin, end, window);
    int64_t width = span.last - span.first;
    auto scores = at::bmm(gather_queries(q, shape, begin, end), keys.narrow(1, span.first, width).transpose(1, 2));
    scores = ((scores.to(at::kFloat) * (scale / cap)).tanh() * cap).unflatten(1, {shape.groups, end - begin});
    auto hidden = all.narrow(0, begin, end - begin).narrow(1, span.first, width).logical_not();
    auto p = scores.masked_fill(hidden, -std::numeric_limits<float>::infinity()).softmax(-1).to(q.scalar_type());
    auto out = at::bmm(p.flatten(1, 2), values.narrow(1, span.first, width));
    parts.push_back(out.view({shape.batch, shape.kv, shape.groups, end - begin, shape.width})
                        .permute({0, 3, 1, 2, 4})
                        .flatten(2, 4));
  }
  return at::cat(parts, 1);
}

// The same through libtorch's own attention, for devices and number types without the loops.
at::Tensor composed(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, double scale, int64_t window) {
  Shape shape(q, k);
  auto spread = [&](const at::Tensor &t) {
    return t.unsqueeze(3).expand({-1, -1, -1, shape.groups, -1}).flatten(2, 3).transpose(1, 2);
  };
  std::optional<at::Tensor> mask;
  bool causal = shape.queries == shape.keys && window == 0;
  if (!causal && (shape.queries > 1 || window > 0)) mask = allowed(q, shape, window);
  auto out = at::scaled_dot_product_attention(q.transpose(1, 2), spread(k), spread(v), mask, 0.0, causal, scale);
  return out.transpose(1, 2).flatten(2, 3);
}

at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, double scale, int64_t window,
                  double cap) {
  if (cap > 0) return capped(q, k, v, scale, window, cap);
  if (!q.device().is_cpu() || !has_loop_type(q.scalar_type())) return composed(q, k, v, scale, window);
  // Processors that multiply float16 matrices are few; elsewhere libtorch's products take ten times as long as
  // float32's.
  if (q.scalar_type() == at::kHalf)
    return Attention::apply(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), scale, window).to(at::kHalf);
  return Attention::apply(q, k, v, scale, window);
}

}  // namespace

esp_tensor esp_attention(esp_tensor q, esp_tensor k, esp_tensor v, double scale, int64_t window, double soft_cap) {
  return make([&] { return attend(q->value, k->value, v->value, scale, window, soft_cap); });
}

esp_tensor esp_tree_attention(esp_tensor q, esp_tensor k, esp_tensor v, double scale, int64_t window, double soft_cap,
                              const int64_t *ranges, const int64_t *counts, int nodes) {
  return make([&] {
    auto out = at::empty({1, q->value.size(1), q->value.size(2) * q->value.size(3)}, q->value.options());
    for (int node = 0; node < nodes; ranges += 2 * counts[node++]) {
      // All ranges of the node's path; the last is its own.
      auto gathered = [&](const at::Tensor &t) {
        std::vector<at::Tensor> parts;
        for (int64_t i = 0; i < counts[node]; ++i)
          parts.push_back(t.narrow(1, ranges[2 * i], ranges[2 * i + 1] - ranges[2 * i]));
        return parts.size() == 1 ? parts[0] : at::cat(parts, 1);
      };
      int64_t first = ranges[2 * counts[node] - 2], size = ranges[2 * counts[node] - 1] - first;
      out.narrow(1, first, size)
          .copy_(
              attend(q->value.narrow(1, first, size), gathered(k->value), gathered(v->value), scale, window, soft_cap));
    }
    return out;
  });
}
