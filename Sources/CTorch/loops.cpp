#include "loops.h"

#include "handles.h"

// target_clones does not go through templates, so each combination of types gets its functions from one macro.

namespace espalier {

#define ESP_DEFINE2(X, Y)                                                                                           \
  ESP_MULTIVERSION void rms_norm_rows(const X *__restrict x, const float *__restrict gain, Y *__restrict y,         \
                                      float *__restrict inverse, int64_t begin, int64_t end, int64_t width,         \
                                      float epsilon) {                                                              \
    for (int64_t r = begin; r < end; ++r) {                                                                         \
      const X *row = x + r * width;                                                                                 \
      float lane[16] = {0};                                                                                         \
      int64_t i = 0;                                                                                                \
      for (; i + 16 <= width; i += 16)                                                                              \
        for (int j = 0; j < 16; ++j) lane[j] += load(row, i + j) * load(row, i + j);                                \
      float sum = 0;                                                                                                \
      for (; i < width; ++i) sum += load(row, i) * load(row, i);                                                    \
      for (int j = 0; j < 16; ++j) sum += lane[j];                                                                  \
      float scale = 1.0f / std::sqrt(sum / float(width) + epsilon);                                                 \
      inverse[r] = scale;                                                                                           \
      for (int64_t k = 0; k < width; ++k) store(y, r * width + k, load(row, k) * scale * gain[k]);                  \
    }                                                                                                               \
  }                                                                                                                 \
  ESP_MULTIVERSION void rms_norm_backward_rows(const X *__restrict x, const float *__restrict gain,                 \
                                               const float *__restrict inverse, const Y *__restrict gy,             \
                                               X *__restrict gx, int64_t begin, int64_t end, int64_t width) {       \
    for (int64_t r = begin; r < end; ++r) {                                                                         \
      const X *row = x + r * width;                                                                                 \
      const Y *grad = gy + r * width;                                                                               \
      float lane[16] = {0};                                                                                         \
      int64_t i = 0;                                                                                                \
      for (; i + 16 <= width; i += 16)                                                                              \
        for (int j = 0; j < 16; ++j) lane[j] += load(row, i + j) * gain[i + j] * load(grad, i + j);                 \
      float dot = 0;                                                                                                \
      for (; i < width; ++i) dot += load(row, i) * gain[i] * load(grad, i);                                         \
      for (int j = 0; j < 16; ++j) dot += lane[j];                                                                  \
      float scale = inverse[r], pull = dot * scale * scale * scale / float(width);                                  \
      for (int64_t k = 0; k < width; ++k)                                                                           \
        store(gx, r * width + k, load(grad, k) * gain[k] * scale - load(row, k) * pull);                            \
    }                                                                                                               \
  }                                                                                                                 \
  ESP_MULTIVERSION void rotate_head(const X *__restrict x, const float *__restrict cosine,                          \
                                    const float *__restrict sine, Y *__restrict y, int64_t half, float direction) { \
    for (int64_t i = 0; i < half; ++i) {                                                                            \
      float a = load(x, i), b = load(x, i + half), c = cosine[i], s = sine[i] * direction;                          \
      store(y, i, a * c - b * s);                                                                                   \
      store(y, i + half, b * c + a * s);                                                                            \
    }                                                                                                               \
  }                                                                                                                 \
  ESP_MULTIVERSION void swiglu_row(const X *__restrict packed, Y *__restrict y, int64_t width) {                    \
    for (int64_t i = 0; i < width; ++i) {                                                                           \
      float gate = load(packed, i);                                                                                 \
      store(y, i, gate * sigmoid(gate) * load(packed, i + width));                                                  \
    }                                                                                                               \
  }                                                                                                                 \
  ESP_MULTIVERSION void swiglu_backward_row(const X *__restrict packed, const X *__restrict gy, Y *__restrict gx,   \
                                            int64_t width) {                                                        \
    for (int64_t i = 0; i < width; ++i) {                                                                           \
      float gate = load(packed, i), up = load(packed, i + width), g = load(gy, i);                                  \
      float s = sigmoid(gate);                                                                                      \
      store(gx, i, g * up * s * (1.0f + gate * (1.0f - s)));                                                        \
      store(gx, i + width, g * gate * s);                                                                           \
    }                                                                                                               \
  }                                                                                                                 \
  ESP_MULTIVERSION void geglu_row(const X *__restrict packed, Y *__restrict y, int64_t width) {                     \
    for (int64_t i = 0; i < width; ++i) {                                                                           \
      float gate = load(packed, i);                                                                                 \
      store(y, i, gate * gelu_gate(gate) * load(packed, i + width));                                                \
    }                                                                                                               \
  }                                                                                                                 \
  ESP_MULTIVERSION void geglu_backward_row(const X *__restrict packed, const X *__restrict gy, Y *__restrict gx,    \
                                           int64_t width) {                                                         \
    for (int64_t i = 0; i < width; ++i) {                                                                           \
      float gate = load(packed, i), up = load(packed, i + width), g = load(gy, i);                                  \
      float s = gelu_gate(gate);                                                                                    \
      float slope = 1.5957691216057308f * (1.0f + 0.134145f * gate * gate);                                         \
      store(gx, i, g * up * s * (1.0f + gate * (1.0f - s) * slope));                                                \
      store(gx, i + width, g * gate * s);                                                                           \
    }                                                                                                               \
  }
ESP_FOR_TYPE_PAIRS(ESP_DEFINE2)
#undef ESP_DEFINE2

#define ESP_DEFINE_SOFTMAX(X)                                                                                       \
  ESP_MULTIVERSION void softmax_range(X *__restrict row, int64_t first, int64_t last, int64_t width, float scale) { \
    float lane[16];                                                                                                 \
    for (int j = 0; j < 16; ++j) lane[j] = -3.0e38f;                                                                \
    int64_t i = first;                                                                                              \
    for (; i + 16 <= last; i += 16)                                                                                 \
      for (int j = 0; j < 16; ++j) lane[j] = load(row, i + j) > lane[j] ? load(row, i + j) : lane[j];               \
    for (; i < last; ++i) lane[0] = load(row, i) > lane[0] ? load(row, i) : lane[0];                                \
    float highest = lane[0];                                                                                        \
    for (int j = 1; j < 16; ++j) highest = lane[j] > highest ? lane[j] : highest;                                   \
    float shift = highest * scale;                                                                                  \
    for (int j = 0; j < 16; ++j) lane[j] = 0;                                                                       \
    for (i = first; i + 16 <= last; i += 16)                                                                        \
      for (int j = 0; j < 16; ++j) lane[j] += exponential(load(row, i + j) * scale - shift);                        \
    float sum = 0;                                                                                                  \
    for (; i < last; ++i) sum += exponential(load(row, i) * scale - shift);                                         \
    for (int j = 0; j < 16; ++j) sum += lane[j];                                                                    \
    float inverse = 1.0f / sum;                                                                                     \
    for (i = 0; i < first; ++i) store(row, i, 0.0f);                                                                \
    for (i = first; i < last; ++i) store(row, i, exponential(load(row, i) * scale - shift) * inverse);              \
    for (i = last; i < width; ++i) store(row, i, 0.0f);                                                             \
  }                                                                                                                 \
  ESP_MULTIVERSION void softmax_backward_range(const X *__restrict p, X *__restrict gradient, int64_t first,        \
                                               int64_t last, int64_t width, float scale) {                          \
    float lane[16] = {0};                                                                                           \
    int64_t i = first;                                                                                              \
    for (; i + 16 <= last; i += 16)                                                                                 \
      for (int j = 0; j < 16; ++j) lane[j] += load(p, i + j) * load(gradient, i + j);                               \
    float dot = 0;                                                                                                  \
    for (; i < last; ++i) dot += load(p, i) * load(gradient, i);                                                    \
    for (int j = 0; j < 16; ++j) dot += lane[j];                                                                    \
    for (i = 0; i < first; ++i) store(gradient, i, 0.0f);                                                           \
    for (i = first; i < last; ++i) store(gradient, i, scale * load(p, i) * (load(gradient, i) - dot));              \
    for (i = last; i < width; ++i) store(gradient, i, 0.0f);                                                        \
  }
ESP_DEFINE_SOFTMAX(float)
ESP_DEFINE_SOFTMAX(at::BFloat16)
ESP_DEFINE_SOFTMAX(at::Half)
#undef ESP_DEFINE_SOFTMAX

}  // namespace espalier
