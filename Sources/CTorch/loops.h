// Scalar loops over float and bfloat16 rows, written so that the compiler vectorises them; accumulation in float.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>

namespace espalier {

inline float load(const float *p, int64_t i) { return p[i]; }
inline float load(const at::BFloat16 *p, int64_t i) {
  uint32_t bits = static_cast<uint32_t>(reinterpret_cast<const uint16_t *>(p)[i]) << 16;
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}
inline void store(float *p, int64_t i, float value) { p[i] = value; }
inline void store(at::BFloat16 *p, int64_t i, float value) {
  // Round to nearest even; a NaN keeps a set mantissa bit.
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  uint32_t quiet = (bits >> 16) | 0x40;
  bool is_nan = (bits & 0x7FFFFFFF) > 0x7F800000;
  reinterpret_cast<uint16_t *>(p)[i] = static_cast<uint16_t>(is_nan ? quiet : rounded);
}

// e^x to about 2 ulp for |x| < 87, clamped beyond: a loop that calls expf would not vectorise.
inline float exponential(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  float n = __builtin_rintf(x * 1.44269504088896341f);
  float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  float y = p * r * r + r + 1.0f;
  int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  __builtin_memcpy(&power, &bits, 4);
  return y * power;
}
inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

// Calls body with typed pointers to the data of a and b, each float or bfloat16.
template <typename Body>
void dispatch2(const at::Tensor &a, const at::Tensor &b, Body body) {
  auto pick = [&](auto *pa) {
    if (b.scalar_type() == at::kFloat)
      body(pa, static_cast<float *>(b.data_ptr()));
    else
      body(pa, static_cast<at::BFloat16 *>(b.data_ptr()));
  };
  if (a.scalar_type() == at::kFloat)
    pick(static_cast<float *>(a.data_ptr()));
  else
    pick(static_cast<at::BFloat16 *>(a.data_ptr()));
}

#define ESP_DECLARE2(X, Y)                                                                                        \
  void rms_norm_rows(const X *x, const float *gain, Y *y, float *inverse, int64_t begin, int64_t end,             \
                     int64_t width, float epsilon);                                                               \
  void rms_norm_backward_rows(const X *x, const float *gain, const float *inverse, const Y *gy, X *gx,            \
                              int64_t begin, int64_t end, int64_t width);                                         \
  void rotate_head(const X *x, const float *cosine, const float *sine, Y *y, int64_t half, float direction);      \
  void swiglu_row(const X *packed, Y *y, int64_t width);                                                          \
  void swiglu_backward_row(const X *packed, const X *gy, Y *gx, int64_t width);
ESP_DECLARE2(float, float)
ESP_DECLARE2(float, at::BFloat16)
ESP_DECLARE2(at::BFloat16, float)
ESP_DECLARE2(at::BFloat16, at::BFloat16)
#undef ESP_DECLARE2

// Softmax over row[first ..< last] of scale * row, in place; zeros elsewhere in [0, width).
void softmax_range(float *row, int64_t first, int64_t last, int64_t width, float scale);
void softmax_range(at::BFloat16 *row, int64_t first, int64_t last, int64_t width, float scale);
// Its derivative by the unscaled row: gradient = scale * p * (gradient - sum p gradient), in place.
void softmax_backward_range(const float *p, float *gradient, int64_t first, int64_t last, int64_t width, float scale);
void softmax_backward_range(const at::BFloat16 *p, at::BFloat16 *gradient, int64_t first, int64_t last, int64_t width,
                            float scale);

}  // namespace espalier
