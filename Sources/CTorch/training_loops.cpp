// Training's inner loops: the loss on whole predictions with its gradient, the norm of gradients, and AdamW.
#include <cmath>
#include <limits>
#include <vector>

#include "handles.h"
#include "loops.h"
#include "parallel.h"

using namespace espalier;

namespace {

constexpr int64_t kGrain = 1 << 15;
constexpr int kLanes = 16;

#define ESP_DEFINE_EXPONENTIALS(X)                                                                               \
  /* e = exp(z - highest) for a row of logits, with sum e. */                                                    \
  ESP_MULTIVERSION void exponentials(const X *__restrict z, float *__restrict e, int64_t width, double *highest, \
                                     double *sum) {                                                              \
    float top[kLanes], part[kLanes] = {0};                                                                       \
    for (int j = 0; j < kLanes; ++j) top[j] = -std::numeric_limits<float>::infinity();                           \
    int64_t i = 0;                                                                                               \
    for (; i + kLanes <= width; i += kLanes)                                                                     \
      for (int j = 0; j < kLanes; ++j) top[j] = load(z, i + j) > top[j] ? load(z, i + j) : top[j];               \
    for (; i < width; ++i) top[0] = load(z, i) > top[0] ? load(z, i) : top[0];                                   \
    float most = top[0];                                                                                         \
    for (int j = 1; j < kLanes; ++j) most = top[j] > most ? top[j] : most;                                       \
    double total = 0;                                                                                            \
    for (i = 0; i < width;) {                                                                                    \
      /* Sums of 2048 numbers in float32 are exact enough; the whole vocabulary's would lose three digits. */    \
      int64_t end = std::min(width, i + 128 * kLanes);                                                           \
      for (int j = 0; j < kLanes; ++j) part[j] = 0;                                                              \
      for (; i + kLanes <= end; i += kLanes)                                                                     \
        for (int j = 0; j < kLanes; ++j) {                                                                       \
          float power = exponential(load(z, i + j) - most);                                                      \
          e[i + j] = power;                                                                                      \
          part[j] += power;                                                                                      \
        }                                                                                                        \
      for (; i < end; ++i) {                                                                                     \
        e[i] = exponential(load(z, i) - most);                                                                   \
        part[0] += e[i];                                                                                         \
      }                                                                                                          \
      for (int j = 0; j < kLanes; ++j) total += part[j];                                                         \
    }                                                                                                            \
    *highest = most;                                                                                             \
    *sum = total;                                                                                                \
  }                                                                                                              \
  ESP_MULTIVERSION void set_gradient(X *__restrict z, const float *__restrict e, int64_t width, float own) {     \
    for (int64_t i = 0; i < width; ++i) store(z, i, own * e[i]);                                                 \
  }
ESP_DEFINE_EXPONENTIALS(float)
ESP_DEFINE_EXPONENTIALS(at::BFloat16)
ESP_DEFINE_EXPONENTIALS(at::Half)
#undef ESP_DEFINE_EXPONENTIALS

#define ESP_DEFINE_DISTILLED(X, D)                                                                           \
  /* sum d (dense - model) over a row, d = exp(dense - dense's highest). */                                  \
  ESP_MULTIVERSION double cross(const X *__restrict z, const D *__restrict dense, const float *__restrict d, \
                                int64_t width) {                                                             \
    double total = 0;                                                                                        \
    for (int64_t i = 0; i < width;) {                                                                        \
      int64_t end = std::min(width, i + 128 * kLanes);                                                       \
      float part[kLanes] = {0};                                                                              \
      for (; i + kLanes <= end; i += kLanes)                                                                 \
        for (int j = 0; j < kLanes; ++j) part[j] += d[i + j] * (load(dense, i + j) - load(z, i + j));        \
      for (; i < end; ++i) part[0] += d[i] * (load(dense, i) - load(z, i));                                  \
      for (int j = 0; j < kLanes; ++j) total += part[j];                                                     \
    }                                                                                                        \
    return total;                                                                                            \
  }
ESP_FOR_TYPE_PAIRS(ESP_DEFINE_DISTILLED)
#undef ESP_DEFINE_DISTILLED

#define ESP_DEFINE_DIFFERENCE(X)                                                                            \
  ESP_MULTIVERSION void set_gradient(X *__restrict z, const float *__restrict e, const float *__restrict d, \
                                     int64_t width, float own, float other) {                               \
    for (int64_t i = 0; i < width; ++i) store(z, i, own * e[i] - other * d[i]);                             \
  }
ESP_DEFINE_DIFFERENCE(float)
ESP_DEFINE_DIFFERENCE(at::BFloat16)
ESP_DEFINE_DIFFERENCE(at::Half)
#undef ESP_DEFINE_DIFFERENCE

struct Weights {
  double kl, lm, scale;
};

// losses: KL(dense || model) and -log p(target) of a row.
template <typename X>
void finish_row(X *z, int64_t target, double before, double highest, double sum, Weights weight, double *losses) {
  losses[1] = highest + std::log(sum) - before;
  if (weight.scale != 0) store(z, target, load(z, target) - float(weight.scale * weight.lm));
}

// The same formulas in tensor operations, for other devices.
at::Tensor composed(const at::Tensor &logits, const at::Tensor &dense, const at::Tensor &targets, Weights weight) {
  auto z = logits.to(at::kFloat);
  auto counted = targets.ge(0);
  auto index = targets.clamp_min(0).unsqueeze(1);
  auto own = z.log_softmax(1);
  auto losses = at::zeros({z.size(0), 2}, z.options().dtype(at::kDouble));
  losses.select(1, 1).copy_(-own.gather(1, index).squeeze(1));
  at::Tensor p;
  if (dense.defined()) {
    auto other = dense.to(at::kFloat).log_softmax(1);
    p = other.exp();
    losses.select(1, 0).copy_((p * (other - own)).sum(1));
  }
  losses.masked_fill_(counted.logical_not().unsqueeze(1), 0);
  if (weight.scale == 0) return losses;
  auto gradient = own.exp().mul_((weight.kl + weight.lm) * weight.scale);
  if (p.defined()) gradient.sub_(p, weight.kl * weight.scale);
  gradient.scatter_add_(1, index, at::full_like(index, -weight.lm * weight.scale, gradient.options()));
  gradient.masked_fill_(counted.logical_not().unsqueeze(1), 0);
  logits.copy_(gradient);
  return losses;
}

#define ESP_DEFINE_ADAMW(G, W)                                                                                     \
  ESP_MULTIVERSION void adamw_range(float *__restrict w, const G *__restrict g, float *__restrict first,           \
                                    float *__restrict second, W *__restrict working, int64_t begin, int64_t end,   \
                                    float factor, float kept, float rate, float beta1, float beta2, float epsilon, \
                                    float correction2, bool keeps_zeros) {                                         \
    for (int64_t i = begin; i < end; ++i) {                                                                        \
      float gradient = factor * load(g, i);                                                                        \
      float m = beta1 * first[i] + (1.0f - beta1) * gradient;                                                      \
      float v = beta2 * second[i] + (1.0f - beta2) * gradient * gradient;                                          \
      float value = kept * w[i] - rate * m / (std::sqrt(v) * correction2 + epsilon);                               \
      bool stays = keeps_zeros && w[i] == 0.0f;                                                                    \
      first[i] = stays ? 0.0f : m;                                                                                 \
      second[i] = stays ? 0.0f : v;                                                                                \
      value = stays ? 0.0f : value;                                                                                \
      w[i] = value;                                                                                                \
      store(working, i, value);                                                                                    \
    }                                                                                                              \
  }
ESP_FOR_TYPE_PAIRS(ESP_DEFINE_ADAMW)
#undef ESP_DEFINE_ADAMW

#define ESP_DEFINE_UNDER_ZEROS(X)                                                                                     \
  ESP_MULTIVERSION void set_sum(X *__restrict target, const float *__restrict base, const float *__restrict added,    \
                                int64_t count, bool keeps_zeros) {                                                    \
    for (int64_t i = 0; i < count; ++i) store(target, i, keeps_zeros && base[i] == 0.0f ? 0.0f : base[i] + added[i]); \
  }                                                                                                                   \
  ESP_MULTIVERSION void keep_zeros(X *__restrict gradient, const float *__restrict weight, int64_t count) {           \
    for (int64_t i = 0; i < count; ++i) store(gradient, i, weight[i] == 0.0f ? 0.0f : load(gradient, i));             \
  }
ESP_DEFINE_UNDER_ZEROS(float)
ESP_DEFINE_UNDER_ZEROS(at::BFloat16)
ESP_DEFINE_UNDER_ZEROS(at::Half)
#undef ESP_DEFINE_UNDER_ZEROS

#define ESP_DEFINE_SQUARES(G)                                                                              \
  /* Sums of one part in float32: 2048 numbers a lane. */                                                  \
  ESP_MULTIVERSION double squares(const G *__restrict g, int64_t count) {                                  \
    float part[kLanes] = {0};                                                                              \
    int64_t i = 0;                                                                                         \
    for (; i + kLanes <= count; i += kLanes)                                                               \
      for (int j = 0; j < kLanes; ++j) part[j] += load(g, i + j) * load(g, i + j);                         \
    double total = 0;                                                                                      \
    for (; i < count; ++i) total += double(load(g, i)) * load(g, i);                                       \
    for (int j = 0; j < kLanes; ++j) total += part[j];                                                     \
    return total;                                                                                          \
  }                                                                                                        \
  ESP_MULTIVERSION double squares_where(const G *__restrict g, const float *__restrict w, int64_t count) { \
    float part[kLanes] = {0};                                                                              \
    int64_t i = 0;                                                                                         \
    for (; i + kLanes <= count; i += kLanes)                                                               \
      for (int j = 0; j < kLanes; ++j) {                                                                   \
        float value = load(g, i + j);                                                                      \
        part[j] += w[i + j] == 0.0f ? 0.0f : value * value;                                                \
      }                                                                                                    \
    double total = 0;                                                                                      \
    for (; i < count; ++i) total += w[i] == 0.0f ? 0.0 : double(load(g, i)) * load(g, i);                  \
    for (int j = 0; j < kLanes; ++j) total += part[j];                                                     \
    return total;                                                                                          \
  }
ESP_DEFINE_SQUARES(float)
ESP_DEFINE_SQUARES(at::BFloat16)
ESP_DEFINE_SQUARES(at::Half)
#undef ESP_DEFINE_SQUARES

void require_master(const at::Tensor &t) {
  TORCH_CHECK(t.scalar_type() == at::kFloat && t.is_contiguous(), "a float32 tensor without gaps is needed");
}

}  // namespace

esp_tensor esp_distillation_loss(esp_tensor logits, esp_tensor dense, esp_tensor targets, double kl, double lm,
                                 double scale, bool by_tensors) {
  return make([&] {
    auto &z = logits->value;
    at::Tensor other = dense ? dense->value : at::Tensor();
    Weights weight{kl, lm, scale};
    TORCH_CHECK(z.dim() == 2 && z.is_contiguous() && z.size(0) == targets->value.size(0), "logits are [n, vocabulary]");
    if (by_tensors || !z.device().is_cpu() || !has_loop_type(z.scalar_type()))
      return composed(z, other, targets->value, weight);
    int64_t rows = z.size(0), width = z.size(1);
    auto wanted = targets->value.contiguous();
    const int64_t *target = wanted.data_ptr<int64_t>();
    auto losses = at::zeros({rows, 2}, at::TensorOptions().dtype(at::kDouble));
    double *loss = losses.data_ptr<double>();
    for (int64_t r = 0; r < rows; ++r) TORCH_CHECK(target[r] < width, "a target is no token of the vocabulary");
    auto each = [&](auto *own, const auto *teacher) {
      using X = std::remove_pointer_t<decltype(own)>;
      parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> e(width), d(teacher ? width : 0);
        for (int64_t r = begin; r < end; ++r) {
          X *row = own + r * width;
          if (target[r] < 0) {
            if (scale != 0) std::fill(row, row + width, X(0.0f));
            continue;
          }
          double highest, sum, before = load(row, target[r]);
          exponentials(row, e.data(), width, &highest, &sum);
          float share = float(scale * (kl + lm) / sum);
          if (teacher) {
            double top, total;
            const auto *t = teacher + r * width;
            exponentials(t, d.data(), width, &top, &total);
            loss[2 * r] = cross(row, t, d.data(), width) / total - (top + std::log(total)) + highest + std::log(sum);
            if (scale != 0) set_gradient(row, e.data(), d.data(), width, share, float(scale * kl / total));
          } else if (scale != 0) {
            set_gradient(row, e.data(), width, share);
          }
          finish_row(row, target[r], before, highest, sum, weight, loss + 2 * r);
        }
      });
    };
    if (other.defined()) {
      TORCH_CHECK(other.sizes() == z.sizes() && other.is_contiguous(), "both models have the same vocabulary");
      dispatch2(z, other, [&](auto *own, auto *teacher) { each(own, teacher); });
    } else {
      dispatch(z, [&](auto *own) { each(own, static_cast<const float *>(nullptr)); });
    }
    return losses;
  });
}

bool esp_square_sum(esp_tensor gradient, esp_tensor weight, double *result) {
  return act([&] {
    auto g = gradient->value.contiguous();
    at::Tensor w = weight ? weight->value : at::Tensor();
    if (!g.device().is_cpu() || !has_loop_type(g.scalar_type())) {
      auto wide = g.to(at::kFloat);
      if (w.defined()) wide = wide.masked_fill(w.eq(0), 0);
      *result = wide.square().sum(at::kDouble).item<double>();
      return;
    }
    if (w.defined()) require_master(w);
    // Parts of a fixed size, added in their order: the sum does not depend on the number of threads.
    int64_t parts = (g.numel() + kGrain - 1) / kGrain;
    std::vector<double> sums(parts);
    dispatch(g, [&](auto *p) {
      parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t part = begin; part < end; ++part) {
          int64_t first = part * kGrain, count = std::min(kGrain, g.numel() - first);
          sums[part] =
              w.defined() ? squares_where(p + first, w.data_ptr<float>() + first, count) : squares(p + first, count);
        }
      });
    });
    double total = 0;
    for (double sum : sums) total += sum;
    *result = total;
  });
}

bool esp_adamw_step(esp_tensor w, esp_tensor gradient, esp_tensor first, esp_tensor second, esp_tensor working,
                    double factor, double rate, double decay, double beta1, double beta2, double epsilon, int64_t step,
                    bool keeps_zeros) {
  return act([&] {
    auto g = gradient->value.contiguous();
    double correction1 = 1 - std::pow(beta1, double(step)),
           correction2 = 1 / std::sqrt(1 - std::pow(beta2, double(step)));
    if (!w->value.device().is_cpu() || !has_loop_type(g.scalar_type())) {
      auto wide = g.to(at::kFloat) * factor;
      auto zero = keeps_zeros ? w->value.eq(0) : at::Tensor();
      if (zero.defined()) wide.masked_fill_(zero, 0);
      first->value.mul_(beta1).add_(wide, 1 - beta1);
      second->value.mul_(beta2).addcmul_(wide, wide, 1 - beta2);
      w->value.mul_(1 - rate * decay);
      w->value.addcdiv_(first->value, second->value.sqrt().mul_(correction2).add_(epsilon), -rate / correction1);
      if (zero.defined()) w->value.masked_fill_(zero, 0);
      if (working) working->value.copy_(w->value);
      return;
    }
    for (auto &t : {w->value, first->value, second->value}) require_master(t);
    TORCH_CHECK(!working || working->value.is_contiguous(), "the working weight has gaps");
    at::Tensor target = working ? working->value : w->value;
    dispatch2(g, target, [&](auto *pg, auto *pw) {
      parallel_for(g.numel(), kGrain, [&](int64_t begin, int64_t end) {
        adamw_range(w->value.data_ptr<float>(), pg, first->value.data_ptr<float>(), second->value.data_ptr<float>(), pw,
                    begin, end, float(factor), float(1 - rate * decay), float(rate / correction1), float(beta1),
                    float(beta2), float(epsilon), float(correction2), keeps_zeros);
      });
    });
  });
}

bool esp_set_sum(esp_tensor target, esp_tensor base, esp_tensor added, bool keeps_zeros) {
  return act([&] {
    auto &t = target->value;
    TORCH_CHECK(t.sizes() == base->value.sizes() && t.sizes() == added->value.sizes(), "three equal shapes are needed");
    if (!t.device().is_cpu() || !has_loop_type(t.scalar_type()) || !t.is_contiguous()) {
      auto sum = base->value + added->value;
      if (keeps_zeros) sum.masked_fill_(base->value.eq(0), 0);
      t.copy_(sum);
      return;
    }
    for (auto &part : {base->value, added->value}) require_master(part);
    const float *b = base->value.data_ptr<float>(), *a = added->value.data_ptr<float>();
    dispatch(t, [&](auto *p) {
      parallel_for(t.numel(), kGrain, [&](int64_t begin, int64_t end) {
        set_sum(p + begin, b + begin, a + begin, end - begin, keeps_zeros);
      });
    });
  });
}

bool esp_keep_zeros(esp_tensor gradient, esp_tensor weight) {
  return act([&] {
    auto &g = gradient->value;
    TORCH_CHECK(g.sizes() == weight->value.sizes(), "two equal shapes are needed");
    if (!g.device().is_cpu() || !has_loop_type(g.scalar_type()) || !g.is_contiguous()) {
      g.masked_fill_(weight->value.eq(0), 0);
      return;
    }
    require_master(weight->value);
    const float *w = weight->value.data_ptr<float>();
    dispatch(g, [&](auto *p) {
      parallel_for(g.numel(), kGrain,
                   [&](int64_t begin, int64_t end) { keep_zeros(p + begin, w + begin, end - begin); });
    });
  });
}
