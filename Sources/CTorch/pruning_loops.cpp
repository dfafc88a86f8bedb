// Pruning's inner loops: mask selection with exact counts, SparseGPT's column recursion, and optimiser steps that read
// and write every value once.

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "handles.h"
#include "loops.h"
#include "parallel.h"

using namespace espalier;

namespace {

// A score that is not a number counts as the lowest: the count stays exact, and the order a strict one.
inline float ranked(float score) { return score == score ? score : -std::numeric_limits<float>::infinity(); }

// Marks the `drop` lowest of `count` scores; among equals the lower index goes first.
void keep_highest(const float *given, bool *keep, int64_t count, int64_t drop, std::vector<int32_t> &order,
                  std::vector<float> &scores) {
  scores.resize(count);
  for (int64_t i = 0; i < count; ++i) scores[i] = ranked(given[i]);
  if (count <= 32) {
    for (int64_t i = 0; i < count; ++i) {
      int64_t below = 0;
      for (int64_t j = 0; j < count; ++j) below += scores[j] < scores[i] || (scores[j] == scores[i] && j < i);
      keep[i] = below >= drop;
    }
    return;
  }
  order.resize(count);
  std::iota(order.begin(), order.end(), 0);
  if (drop > 0 && drop < count)
    std::nth_element(order.begin(), order.begin() + (drop - 1), order.end(), [&](int32_t a, int32_t b) {
      return scores[a] < scores[b] || (scores[a] == scores[b] && a < b);
    });
  std::fill(keep, keep + count, true);
  for (int64_t i = 0; i < drop; ++i) keep[order[i]] = false;
}

#define ESP_DEFINE_STEPS(G, W)                                                                                    \
  ESP_MULTIVERSION void rmsprop_range(float *__restrict w, const G *__restrict g, float *__restrict square,       \
                                      W *__restrict working, int64_t begin, int64_t end, float rate, float decay, \
                                      float epsilon) {                                                            \
    for (int64_t i = begin; i < end; ++i) {                                                                       \
      float gradient = load(g, i);                                                                                \
      float s = decay * square[i] + (1.0f - decay) * gradient * gradient;                                         \
      square[i] = s;                                                                                              \
      float value = w[i] - rate * gradient / (std::sqrt(s) + epsilon);                                            \
      w[i] = value;                                                                                               \
      store(working, i, value);                                                                                   \
    }                                                                                                             \
  }                                                                                                               \
  ESP_MULTIVERSION void adam_range(float *__restrict w, const G *__restrict g, float *__restrict first,           \
                                   float *__restrict second, const uint8_t *__restrict mask,                      \
                                   W *__restrict working, int64_t begin, int64_t end, float rate, float beta1,    \
                                   float beta2, float epsilon, float correction2) {                               \
    for (int64_t i = begin; i < end; ++i) {                                                                       \
      float gradient = load(g, i);                                                                                \
      float m = beta1 * first[i] + (1.0f - beta1) * gradient;                                                     \
      float v = beta2 * second[i] + (1.0f - beta2) * gradient * gradient;                                         \
      first[i] = m;                                                                                               \
      second[i] = v;                                                                                              \
      float value = w[i] - rate * m / (std::sqrt(v) * correction2 + epsilon);                                     \
      w[i] = value;                                                                                               \
      store(working, i, mask[i] ? value : 0.0f);                                                                  \
    }                                                                                                             \
  }
ESP_DEFINE_STEPS(float, float)
ESP_DEFINE_STEPS(float, at::BFloat16)
ESP_DEFINE_STEPS(at::BFloat16, float)
ESP_DEFINE_STEPS(at::BFloat16, at::BFloat16)
#undef ESP_DEFINE_STEPS

// Sums of tens of thousands of squares: in float32 they would lose three digits, enough to turn masks over.
ESP_MULTIVERSION void add_squares(const float *__restrict x, double *__restrict into, int64_t width) {
  for (int64_t i = 0; i < width; ++i) into[i] += double(x[i]) * double(x[i]);
}
ESP_MULTIVERSION void add_squares_bf16(const at::BFloat16 *__restrict x, double *__restrict into, int64_t width) {
  for (int64_t i = 0; i < width; ++i) into[i] += double(load(x, i)) * double(load(x, i));
}

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

esp_tensor esp_mask_keep_of(esp_tensor scores, int64_t keep_count, int64_t group) {
  return make([&] {
    auto s = scores->value.detach().to(c10::kCPU, at::kFloat).contiguous();
    require(group > 0 && keep_count >= 0 && keep_count <= group && s.numel() % group == 0,
            "scores do not divide into groups");
    auto keep = at::empty(s.sizes(), s.options().dtype(at::kBool));
    const float *in = s.data_ptr<float>();
    bool *out = keep.data_ptr<bool>();
    parallel_for(s.numel() / group, std::max<int64_t>(1, 4096 / group), [&](int64_t begin, int64_t end) {
      std::vector<int32_t> order;
      std::vector<float> scores;
      for (int64_t g = begin; g < end; ++g)
        keep_highest(in + g * group, out + g * group, group, group - keep_count, order, scores);
    });
    return keep.to(scores->value.device());
  });
}

bool esp_add_column_squares(esp_tensor into, esp_tensor x) {
  return act([&] {
    auto width = x->value.size(-1);
    auto rows = x->value.reshape({-1, width});
    if (!rows.device().is_cpu() || (rows.scalar_type() != at::kFloat && rows.scalar_type() != at::kBFloat16)) {
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
      if (rows.scalar_type() == at::kFloat) {
        const float *in = rows.data_ptr<float>();
        for (int64_t r = 0; r < count; ++r) add_squares(in + r * width + begin, sums.data(), end - begin);
      } else {
        auto *in = static_cast<const at::BFloat16 *>(rows.data_ptr());
        for (int64_t r = 0; r < count; ++r) add_squares_bf16(in + r * width + begin, sums.data(), end - begin);
      }
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
    double correction1 = 1 - std::pow(beta1, double(step)), correction2 = 1 / std::sqrt(1 - std::pow(beta2, double(step)));
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
