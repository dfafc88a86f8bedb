// What the predictions of a position say, collected while the vocabulary passes in pieces: the logits of a piece are
// read while they are in cache, and those of the whole vocabulary never exist.
//
// Each position has a row of float64, the columns below. Sums are relative to the highest logit so far, and are scaled
// when a higher one comes. A logit that is not a number, or infinite and the highest, makes the sums not a number.
#include <cmath>
#include <limits>

#include "handles.h"
#include "loops.h"
#include "parallel.h"

using namespace espalier;

namespace {

// For one model: the highest logit, sum exp(z - highest), the target's logit (not a number until it has passed), and
// the likeliest token.
enum Column { kHighest = 0, kSum = 1, kTarget = 2, kLikeliest = 3, kModelColumns = 4 };
// For both: sum exp(dense - dense's highest) * (dense - model).
constexpr int64_t kCross = 2 * kModelColumns;
constexpr int64_t kColumns = kCross + 1;

#define ESP_DEFINE_HIGHEST(X)                                                                     \
  ESP_MULTIVERSION float highest_of(const X *__restrict z, int64_t width) {                       \
    float lane[16];                                                                               \
    for (int j = 0; j < 16; ++j) lane[j] = -std::numeric_limits<float>::infinity();               \
    int64_t i = 0;                                                                                \
    for (; i + 16 <= width; i += 16)                                                              \
      for (int j = 0; j < 16; ++j) lane[j] = load(z, i + j) > lane[j] ? load(z, i + j) : lane[j]; \
    for (; i < width; ++i) lane[0] = load(z, i) > lane[0] ? load(z, i) : lane[0];                 \
    float highest = lane[0];                                                                      \
    for (int j = 1; j < 16; ++j) highest = lane[j] > highest ? lane[j] : highest;                 \
    return highest;                                                                               \
  }                                                                                               \
  ESP_MULTIVERSION float sum_of_exponentials(const X *__restrict z, int64_t width, float shift) { \
    float lane[16] = {0};                                                                         \
    int64_t i = 0;                                                                                \
    for (; i + 16 <= width; i += 16)                                                              \
      for (int j = 0; j < 16; ++j) lane[j] += exponential(load(z, i + j) - shift);                \
    float sum = 0;                                                                                \
    for (; i < width; ++i) sum += exponential(load(z, i) - shift);                                \
    for (int j = 0; j < 16; ++j) sum += lane[j];                                                  \
    return sum;                                                                                   \
  }
ESP_DEFINE_HIGHEST(float)
ESP_DEFINE_HIGHEST(at::BFloat16)
ESP_DEFINE_HIGHEST(at::Half)
#undef ESP_DEFINE_HIGHEST

#define ESP_DEFINE_CROSS(X, D)                                                                               \
  ESP_MULTIVERSION void dense_sums(const X *__restrict z, const D *__restrict d, int64_t width, float shift, \
                                   double *sum, double *cross) {                                             \
    float sums[16] = {0}, crosses[16] = {0};                                                                 \
    int64_t i = 0;                                                                                           \
    for (; i + 16 <= width; i += 16)                                                                         \
      for (int j = 0; j < 16; ++j) {                                                                         \
        float power = exponential(load(d, i + j) - shift);                                                   \
        sums[j] += power;                                                                                    \
        crosses[j] += power * (load(d, i + j) - load(z, i + j));                                             \
      }                                                                                                      \
    float total = 0, difference = 0;                                                                         \
    for (; i < width; ++i) {                                                                                 \
      float power = exponential(load(d, i) - shift);                                                         \
      total += power;                                                                                        \
      difference += power * (load(d, i) - load(z, i));                                                       \
    }                                                                                                        \
    for (int j = 0; j < 16; ++j) {                                                                           \
      total += sums[j];                                                                                      \
      difference += crosses[j];                                                                              \
    }                                                                                                        \
    *sum += total;                                                                                           \
    *cross += difference;                                                                                    \
  }
ESP_FOR_TYPE_PAIRS(ESP_DEFINE_CROSS)
#undef ESP_DEFINE_CROSS

// Raises the highest logit of a model to that of a piece, with its token: the lowest among equals.
template <typename X>
void raise(const X *z, int64_t width, int64_t first, double *model, double *cross) {
  float highest = highest_of(z, width);
  if (!(highest > model[kHighest])) return;
  double factor = std::exp(model[kHighest] - double(highest));
  model[kSum] *= factor;
  if (cross) *cross *= factor;
  model[kHighest] = highest;
  int64_t at = 0;
  while (at < width && load(z, at) != highest) ++at;
  model[kLikeliest] = double(first + at);
}

template <typename X>
void note_target(const X *z, int64_t width, int64_t first, int64_t target, double *model) {
  if (target >= first && target < first + width) model[kTarget] = load(z, target - first);
}

template <typename X>
void add_row(const X *z, int64_t width, int64_t first, int64_t target, double *row) {
  raise(z, width, first, row, nullptr);
  row[kSum] += sum_of_exponentials(z, width, float(row[kHighest]));
  note_target(z, width, first, target, row);
}

template <typename X, typename D>
void add_row(const X *z, const D *d, int64_t width, int64_t first, int64_t target, double *row) {
  add_row(z, width, first, target, row);
  double *dense = row + kModelColumns;
  raise(d, width, first, dense, row + kCross);
  dense_sums(z, d, width, float(dense[kHighest]), dense + kSum, row + kCross);
  note_target(d, width, first, target, dense);
}

// The same in tensor operations, for other devices.
void add_composed(const at::Tensor &state, const at::Tensor &logits, const at::Tensor &dense, const at::Tensor &targets,
                  int64_t first) {
  auto z = logits.to(at::kFloat);
  int64_t width = z.size(1);
  auto within = targets.ge(first).logical_and(targets.lt(first + width));
  auto index = (targets - first).clamp(0, width - 1).unsqueeze(1);
  auto add = [&](const at::Tensor &values, int64_t start, const at::Tensor *other) {
    auto column = [&](int64_t c) { return state.select(1, start + c); };
    auto best = values.max(1);
    auto highest = std::get<0>(best).to(at::kDouble), before = column(kHighest).clone();
    auto isHigher = highest.gt(before);
    column(kHighest).copy_(at::where(isHigher, highest, before));
    // The first of equals: where `max` names another, the lowest index that has the value.
    auto ids = values.options().dtype(at::kLong);
    auto position =
        at::where(values.eq(std::get<0>(best).unsqueeze(1)), at::arange(width, ids), at::full({}, width, ids)).amin(1);
    column(kLikeliest).copy_(at::where(isHigher, (position + first).to(at::kDouble), column(kLikeliest)));
    auto factor = at::where(isHigher, (before - highest).exp(), at::ones_like(before));
    auto power = (values - column(kHighest).to(at::kFloat).unsqueeze(1)).exp();
    column(kSum).mul_(factor).add_(power.sum(1).to(at::kDouble));
    auto found = values.gather(1, index).squeeze(1).to(at::kDouble);
    column(kTarget).copy_(at::where(within, found, column(kTarget)));
    if (other) state.select(1, kCross).mul_(factor).add_((power * (values - *other)).sum(1).to(at::kDouble));
  };
  add(z, 0, nullptr);
  if (dense.defined()) add(dense.to(at::kFloat), kModelColumns, &z);
}

}  // namespace

esp_tensor esp_vocabulary_scores(int64_t positions, int index) {
  return make([&] {
    auto state = at::zeros({positions, kColumns}, at::TensorOptions().dtype(at::kDouble).device(device(index)));
    for (int64_t model : {int64_t(0), int64_t(kModelColumns)}) {
      state.select(1, model + kHighest).fill_(-std::numeric_limits<double>::infinity());
      // A target that no piece holds must not pass for one whose logit is zero.
      state.select(1, model + kTarget).fill_(std::numeric_limits<double>::quiet_NaN());
    }
    return state;
  });
}

bool esp_add_vocabulary_scores(esp_tensor state, esp_tensor logits, esp_tensor dense, esp_tensor targets, int64_t first,
                               bool by_tensors) {
  return act([&] {
    const auto &rows = state->value, &z = logits->value, &ids = targets->value;
    int64_t count = rows.size(0), width = z.size(1);
    TORCH_CHECK(rows.scalar_type() == at::kDouble && rows.size(1) == kColumns && z.dim() == 2 && z.size(0) == count &&
                    ids.scalar_type() == at::kLong && ids.numel() == count,
                "logits, targets and scores are of different positions");
    TORCH_CHECK(!dense || dense->value.sizes() == z.sizes(), "the logits of two models differ in shape");
    if (count == 0 || width == 0) return;
    if (!z.device().is_cpu() || by_tensors) {
      add_composed(rows, z, dense ? dense->value : at::Tensor(), ids, first);
      return;
    }
    TORCH_CHECK(
        rows.is_contiguous() && ids.is_contiguous() && z.stride(1) == 1 && (!dense || dense->value.stride(1) == 1),
        "scores, targets and rows of logits must be contiguous");
    double *out = rows.data_ptr<double>();
    const int64_t *target = ids.data_ptr<int64_t>();
    int64_t step = z.stride(0), grain = std::max<int64_t>(1, 16384 / width);
    auto for_rows = [&](auto body) {
      parallel_for(count, grain, [&](int64_t begin, int64_t end) {
        // A negative target says that the position is not scored.
        for (int64_t r = begin; r < end; ++r)
          if (target[r] >= 0) body(r);
      });
    };
    if (!dense) {
      dispatch(z, [&](auto *p) {
        for_rows([&](int64_t r) { add_row(p + r * step, width, first, target[r], out + r * kColumns); });
      });
      return;
    }
    int64_t dense_step = dense->value.stride(0);
    dispatch2(z, dense->value, [&](auto *p, auto *d) {
      for_rows(
          [&](int64_t r) { add_row(p + r * step, d + r * dense_step, width, first, target[r], out + r * kColumns); });
    });
  });
}
