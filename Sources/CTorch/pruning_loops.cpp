// Pruning's inner loops: SparseGPT's column recursion, and optimiser steps that read and write every value once.

#include <vector>

#include "handles.h"
#include "loops.h"
#include "parallel.h"

using namespace espalier;

namespace {

#define ESP_DEFINE_STEPS(G, W)                                                                                      \
  ESP_MULTIVERSION void rmsprop_range(float *__restrict w, const G *__restrict g, float *__restrict square,         \
                                      W *__restrict working, int64_t begin, int64_t end, float rate, float decay,   \
                                      float epsilon) {                                                              \
    for (int64_t i = begin; i < end; ++i) {                                                                         \
      float gradient = load(g, i);                                                                                  \
      float s = decay * square[i] + (1.0f - decay) * gradient * gradient;                                           \
      square[i] = s;                                                                                                \
      float value = w[i] - rate * gradient / (std::sqrt(s) + epsilon);                                              \
      w[i] = value;                                                                                                 \
      store(working, i, value);                                                                                     \
    }                                                                                                               \
  }                                                                                                                 \
  ESP_MULTIVERSION void adam_range(float *__restrict w, const G *__restrict g, float *__restrict first,             \
                                   float *__restrict second, const uint8_t *__restrict mask, W *__restrict working, \
                                   int64_t begin, int64_t end, float rate, float beta1, float beta2, float epsilon, \
                                   float correction2) {                                                             \
    for (int64_t i = begin; i < end; ++i) {                                                                         \
      float gradient = load(g, i);                                                                                  \
      float m = beta1 * first[i] + (1.0f - beta1) * gradient;                                                       \
      float v = beta2 * second[i] + (1.0f - beta2) * gradient * gradient;                                           \
      first[i] = m;                                                                                                 \
      second[i] = v;                                                                                                \
      float value = w[i] - rate * m / (std::sqrt(v) * correction2 + epsilon);                                       \
      w[i] = value;                                                                                                 \
      store(working, i, mask[i] ? value : 0.0f);                                                                    \
    }                                                                                                               \
  }
ESP_FOR_TYPE_PAIRS(ESP_DEFINE_STEPS)
#undef ESP_DEFINE_STEPS

// Sums of tens of thousands of squares: in float32 they would lose three digits, enough to turn masks over.
#define ESP_DEFINE_SQUARES(X)                                                                        \
  ESP_MULTIVERSION void add_squares(const X *__restrict x, double *__restrict into, int64_t width) { \
    for (int64_t i = 0; i < width; ++i) into[i] += double(load(x, i)) * double(load(x, i));          \
  }
ESP_DEFINE_SQUARES(float)
ESP_DEFINE_SQUARES(at::BFloat16)
ESP_DEFINE_SQUARES(at::Half)
#undef ESP_DEFINE_SQUARES

// One row of SparseGPT's recursion over a block of columns.
ESP_MULTIVERSION void eliminate_row(float *__restrict w, const float *__restrict hinv, bool *__restrict keep,
                                    float *__restrict errors, int64_t width, int64_t keep_of, int64_t group) {
  for (int64_t i = 0; i < width; ++i) {
    if (group > 0 && i % group == 0) {
      for (int64_t a = i; a < i + group; ++a) {
        float score_a = (w[a] * w[a]) / (hinv[a * width + a] * hinv[a * width + a]);
        int64_t below = 0;
        for (int64_t b = i; b < i + group; ++b) {
          float score_b = (w[b] * w[b]) / (hinv[b * width + b] * hinv[b * width + b]);
          below += score_b < score_a || (score_b == score_a && b < a);
        }
        keep[a] = below >= group - keep_of;
      }
    }
    if (keep[i]) {
      errors[i] = 0;
      continue;
    }
    const float *row = hinv + i * width;
    float error = w[i] / row[i];
    errors[i] = error;
    for (int64_t j = i; j < width; ++j) w[j] -= error * row[j];
    w[i] = 0;
  }
}

void require(bool condition, const char *what) { TORCH_CHECK(condition, what); }

void require_float_contiguous(const at::Tensor &t) {
  require(t.scalar_type() == at::kFloat && t.is_contiguous(), "a contiguous float32 tensor is needed");
}

constexpr int64_t kStepGrain = 1 << 15;

}  // namespace

bool esp_add_column_squares(esp_tensor into, esp_tensor x) {
  return act([&] {
    auto width = x->value.size(-1);
    auto rows = x->value.reshape({-1, width});
    if (!rows.device().is_cpu() || !has_loop_type(rows.scalar_type())) {
      into->value.add_(rows.to(at::kFloat).square().sum(0));
      return;
    }
    require_float_contiguous(into->value);
    rows = rows.contiguous();
    // Each thread owns a stripe of columns: no partial sums to merge, and the order of additions does not depend on
    // the number of threads.
    int64_t count = rows.size(0);
    float *out = into->value.data_ptr<float>();
    parallel_for(width, 64, [&](int64_t begin, int64_t end) {
      std::vector<double> sums(end - begin);
      dispatch(rows, [&](auto *in) {
        for (int64_t r = 0; r < count; ++r) add_squares(in + r * width + begin, sums.data(), end - begin);
      });
      for (int64_t i = begin; i < end; ++i) out[i] += static_cast<float>(sums[i - begin]);
    });
  });
}

bool esp_rmsprop_step(esp_tensor w, esp_tensor gradient, esp_tensor square, esp_tensor working, double rate,
                      double decay, double epsilon) {
  return act([&] {
    auto g = gradient->value.contiguous();
    if (!w->value.device().is_cpu()) {
      square->value.mul_(decay).addcmul_(g, g, 1 - decay);
      w->value.addcdiv_(g.to(at::kFloat), square->value.sqrt().add_(epsilon), -rate);
      if (working) working->value.copy_(w->value);
      return;
    }
    require_float_contiguous(w->value);
    require_float_contiguous(square->value);
    // Without a working copy the master stands in for it: the same value is stored twice.
    at::Tensor target = working ? working->value : w->value;
    dispatch2(g, target, [&](auto *pg, auto *pw) {
      parallel_for(g.numel(), kStepGrain, [&](int64_t begin, int64_t end) {
        rmsprop_range(w->value.data_ptr<float>(), pg, square->value.data_ptr<float>(), pw, begin, end, float(rate),
                      float(decay), float(epsilon));
      });
    });
  });
}

bool esp_adam_step(esp_tensor w, esp_tensor gradient, esp_tensor first, esp_tensor second, esp_tensor mask,
                   esp_tensor working, double rate, double beta1, double beta2, double epsilon, int64_t step) {
  return act([&] {
    auto g = gradient->value.contiguous();
    double correction1 = 1 - std::pow(beta1, double(step)),
           correction2 = 1 / std::sqrt(1 - std::pow(beta2, double(step)));
    if (!w->value.device().is_cpu()) {
      auto wide = g.to(at::kFloat);
      first->value.mul_(beta1).add_(wide, 1 - beta1);
      second->value.mul_(beta2).addcmul_(wide, wide, 1 - beta2);
      w->value.addcdiv_(first->value, second->value.sqrt().mul_(correction2).add_(epsilon), -rate / correction1);
      working->value.copy_(w->value * mask->value);
      return;
    }
    for (auto &t : {w->value, first->value, second->value}) require_float_contiguous(t);
    require(mask->value.scalar_type() == at::kBool && mask->value.is_contiguous(), "the mask must be bool");
    dispatch2(g, working->value, [&](auto *pg, auto *pw) {
      parallel_for(g.numel(), kStepGrain, [&](int64_t begin, int64_t end) {
        adam_range(w->value.data_ptr<float>(), pg, first->value.data_ptr<float>(), second->value.data_ptr<float>(),
                   reinterpret_cast<const uint8_t *>(mask->value.data_ptr<bool>()), pw, begin, end,
                   float(rate / correction1), float(beta1), float(beta2), float(epsilon), float(correction2));
      });
    });
  });
}

bool esp_sparsegpt_block(esp_tensor w, esp_tensor hinv, esp_tensor keep, int64_t keep_of, int64_t group,
                         esp_tensor errors) {
  return act([&] {
    require_float_contiguous(w->value);
    require_float_contiguous(hinv->value);
    require_float_contiguous(errors->value);
    int64_t rows = w->value.size(0), width = w->value.size(1);
    require(group == 0 || width % group == 0, "columns do not divide into groups");
    // Column after column with nothing to multiply: the processor's work, wherever the tensors are.
    auto weight = w->value.cpu(), inverse = hinv->value.cpu(), kept = keep->value.cpu().contiguous(),
         lost = errors->value.cpu();
    parallel_for(rows, 8, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        eliminate_row(weight.data_ptr<float>() + r * width, inverse.data_ptr<float>(),
                      kept.data_ptr<bool>() + r * width, lost.data_ptr<float>() + r * width, width, keep_of, group);
    });
    if (!weight.is_same(w->value)) w->value.copy_(weight);
    if (!kept.is_same(keep->value)) keep->value.copy_(kept);
    if (!lost.is_same(errors->value)) errors->value.copy_(lost);
  });
}
