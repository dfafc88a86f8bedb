// The operations of a decoder block that libtorch has no fast CPU kernel for, each one pass over its data with the
// derivative written out. On other devices the same formula in tensor operations.
#include <torch/csrc/autograd/custom_function.h>

#include "handles.h"
#include "loops.h"
#include "parallel.h"

using namespace espalier;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

namespace {

bool has_loop(const at::Tensor &t) { return t.device().is_cpu() && has_loop_type(t.scalar_type()); }

int64_t row_grain(int64_t width) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)); }

// y = w * x / rms(x)

at::Tensor rms_norm_composed(const at::Tensor &x, const at::Tensor &weight, double epsilon, at::ScalarType output) {
  auto wide = x.to(at::kFloat);
  auto scale = at::rsqrt(wide.pow(2).mean(-1, true) + epsilon);
  return (wide * scale * weight.to(at::kFloat)).to(output);
}

struct RMSNorm : Function<RMSNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, double epsilon,
                            int64_t output) {
    auto rows = x.contiguous();
    auto gain = weight.to(at::kFloat).contiguous();
    int64_t width = rows.size(-1), count = rows.numel() / width;
    auto y = at::empty(rows.sizes(), rows.options().dtype(static_cast<at::ScalarType>(output)));
    auto inverse = at::empty({count}, rows.options().dtype(at::kFloat));
    dispatch2(rows, y, [&](auto *in, auto *out) {
      parallel_for(count, row_grain(width), [&](int64_t begin, int64_t end) {
        rms_norm_rows(in, gain.data_ptr<float>(), out, inverse.data_ptr<float>(), begin, end, width, float(epsilon));
      });
    });
    context->save_for_backward({rows, gain, inverse});
    context->saved_data["weight_dtype"] = static_cast<int64_t>(weight.scalar_type());
    return y;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &gain = saved[1], &inverse = saved[2];
    auto gy = gradients[0].contiguous();
    int64_t width = x.size(-1), count = x.numel() / width;
    at::Tensor gx, gw;
    if (context->needs_input_grad(0)) {
      gx = at::empty_like(x);
      dispatch2(x, gy, [&](auto *in, auto *g) {
        using X = std::remove_pointer_t<decltype(in)>;
        auto *out = data_as<X>(gx);
        parallel_for(count, row_grain(width), [&](int64_t begin, int64_t end) {
          rms_norm_backward_rows(in, gain.data_ptr<float>(), inverse.data_ptr<float>(), g, out, begin, end, width);
        });
      });
    }
    if (context->needs_input_grad(1)) {
      auto normal = x.reshape({count, width}).to(at::kFloat) * inverse.unsqueeze(1);
      gw = (normal * gy.reshape({count, width}).to(at::kFloat))
               .sum(0)
               .to(static_cast<at::ScalarType>(context->saved_data["weight_dtype"].toInt()));
    }
    return {gx, gw, at::Tensor(), at::Tensor()};
  }
};

// Rotary embedding: (a, b) -> (a cos - b sin, b cos + a sin) over the two halves of every head. Its transpose, which
// the backward pass needs, is the rotation the other way.

at::Tensor rotate(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, float direction) {
  if (!has_loop(x)) {
    auto half = x.size(-1) / 2;
    auto a = x.narrow(-1, 0, half).to(at::kFloat), b = x.narrow(-1, half, half).to(at::kFloat);
    auto c = cosine.unsqueeze(1), s = sine.unsqueeze(1) * direction;
    return at::cat({a * c - b * s, b * c + a * s}, -1).to(x.scalar_type());
  }
  auto source = x.stride(-1) == 1 ? x : x.contiguous();
  auto y = at::empty(x.sizes(), x.options());
  int64_t batch = x.size(0), tokens = x.size(1), heads = x.size(2), d = x.size(3);
  auto step = source.strides();
  const float *c = cosine.data_ptr<float>(), *s = sine.data_ptr<float>();
  dispatch(source, [&](auto *in) {
    auto *out = data_as<std::remove_pointer_t<decltype(in)>>(y);
    parallel_for(batch * tokens, row_grain(heads * d), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t b = row / tokens, t = row % tokens;
        for (int64_t h = 0; h < heads; ++h)
          rotate_head(in + b * step[0] + t * step[1] + h * step[2], c + t * (d / 2), s + t * (d / 2),
                      out + (row * heads + h) * d, d / 2, direction);
      }
    });
  });
  return y;
}

struct Rotary : Function<Rotary> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &cosine,
                            const at::Tensor &sine) {
    context->save_for_backward({cosine, sine});
    return rotate(x, cosine, sine, 1);
  }
  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    return {rotate(gradients[0], saved[0], saved[1], -1), at::Tensor(), at::Tensor()};
  }
};

// y = activation(gate) * up

struct Gated : Function<Gated> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &packed, int64_t activation) {
    auto x = packed.contiguous();
    int64_t width = x.size(-1) / 2, count = x.numel() / (2 * width);
    auto shape = x.sizes().vec();
    shape.back() = width;
    auto y = at::empty(shape, x.options());
    dispatch(x, [&](auto *in) {
      auto *out = data_as<std::remove_pointer_t<decltype(in)>>(y);
      parallel_for(count, row_grain(width), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          if (activation == ESP_SILU)
            swiglu_row(in + 2 * width * r, out + width * r, width);
          else
            geglu_row(in + 2 * width * r, out + width * r, width);
        }
      });
    });
    context->save_for_backward({x});
    context->saved_data["activation"] = activation;
    return y;
  }
  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto x = context->get_saved_variables()[0];
    int64_t activation = context->saved_data["activation"].toInt();
    auto gy = gradients[0].contiguous();
    auto gx = at::empty_like(x);
    int64_t width = x.size(-1) / 2, count = x.numel() / (2 * width);
    dispatch(x, [&](auto *in) {
      using X = std::remove_pointer_t<decltype(in)>;
      auto *g = data_as<X>(gy), *out = data_as<X>(gx);
      parallel_for(count, row_grain(width), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          if (activation == ESP_SILU)
            swiglu_backward_row(in + 2 * width * r, g + width * r, out + 2 * width * r, width);
          else
            geglu_backward_row(in + 2 * width * r, g + width * r, out + 2 * width * r, width);
        }
      });
    });
    return {gx, at::Tensor()};
  }
};

// y = x w^T + bias, where w is already w0 + scale * b a: the product costs what it costs without an adapter. The
// gradients of a and b need only products with r columns; w itself has none.

struct LowRankLinear : Function<LowRankLinear> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &w,
                            const std::optional<at::Tensor> &bias, const at::Tensor &a, const at::Tensor &b,
                            double scale, std::vector<int64_t> starts, std::vector<int64_t> rows) {
    context->save_for_backward({x, w, a, b});
    context->saved_data["scale"] = scale;
    context->saved_data["starts"] = starts;
    context->saved_data["rows"] = rows;
    context->saved_data["has_bias"] = bias.has_value();
    return at::linear(x, w, bias);
  }
  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &w = saved[1], &a = saved[2], &b = saved[3];
    double scale = context->saved_data["scale"].toDouble();
    auto starts = context->saved_data["starts"].toIntVector(), rows = context->saved_data["rows"].toIntVector();
    auto x = saved[0].reshape({-1, saved[0].size(-1)}), g = gradients[0].reshape({-1, gradients[0].size(-1)});
    at::Tensor gx, gbias;
    if (context->needs_input_grad(0)) gx = at::matmul(g, w).view(saved[0].sizes());
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) gbias = g.sum(0);
    int64_t parts = int64_t(starts.size()), rank = b.size(1);
    auto z = at::linear(x, a);
    auto ga = at::empty_like(a), gb = at::empty_like(b);
    for (int64_t p = 0, offset = 0; p < parts; offset += rows[p++]) {
      auto own = g.narrow(1, starts[p], rows[p]);
      auto inner = at::matmul(own, b.narrow(0, offset, rows[p]));
      gb.narrow(0, offset, rows[p]).copy_(at::matmul(own.t(), z.narrow(1, p * rank, rank)).mul_(scale));
      ga.narrow(0, p * rank, rank).copy_(at::matmul(inner.t(), x).mul_(scale));
    }
    return {gx, at::Tensor(), gbias, ga, gb, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

esp_tensor esp_low_rank_linear(esp_tensor x, esp_tensor weight, esp_tensor bias, esp_tensor a, esp_tensor b,
                               double scale, const int64_t *starts, const int64_t *rows, int parts) {
  return make([&] {
    std::optional<at::Tensor> offset;
    if (bias) offset = bias->value;
    return LowRankLinear::apply(x->value, weight->value, offset, a->value, b->value, scale,
                                std::vector<int64_t>(starts, starts + parts), std::vector<int64_t>(rows, rows + parts));
  });
}

esp_tensor esp_rms_norm(esp_tensor x, esp_tensor weight, double epsilon, esp_dtype output) {
  return make([&] {
    auto target = scalar(output);
    if (!has_loop(x->value) || !has_loop_type(target))
      return rms_norm_composed(x->value, weight->value, epsilon, target);
    return RMSNorm::apply(x->value, weight->value, epsilon, static_cast<int64_t>(target));
  });
}

esp_tensor esp_rotary(esp_tensor x, esp_tensor cosine, esp_tensor sine) {
  return make([&] { return Rotary::apply(x->value, cosine->value, sine->value); });
}

esp_tensor esp_gated(esp_tensor packed, esp_activation activation) {
  return make([&] {
    const auto &x = packed->value;
    TORCH_CHECK(activation == ESP_SILU || activation == ESP_GELU_TANH, "no activation has the number ",
                int(activation));
    if (!has_loop(x)) {
      auto halves = x.chunk(2, -1);
      return (activation == ESP_SILU ? at::silu(halves[0]) : at::gelu(halves[0], "tanh")) * halves[1];
    }
    return Gated::apply(x, static_cast<int64_t>(activation));
  });
}

esp_tensor esp_soft_cap(esp_tensor x, double cap) {
  return make([&] { return (x->value / cap).tanh() * cap; });
}
