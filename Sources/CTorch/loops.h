// Scalar loops over float, bfloat16 and half rows, written so that the compiler vectorises them; accumulation in float.
#pragma once

#include <ATen/ATen.h>
#include <c10/util/Half.h>

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
inline float load(const at::Half *p, int64_t i) {
  return c10::detail::fp16_ieee_to_fp32_value(reinterpret_cast<const uint16_t *>(p)[i]);
}
inline void store(float *p, int64_t i, float value) { p[i] = value; }
inline void store(at::Half *p, int64_t i, float value) {
  reinterpret_cast<uint16_t *>(p)[i] = c10::detail::fp16_ieee_from_fp32_value(value);
}
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
// What x is multiplied by in GELU's tanh form: (1 + tanh u) / 2 = sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3).
inline float gelu_gate(float x) { return sigmoid(1.5957691216057308f * (x + 0.044715f * x * x * x)); }

// The number types that the loops exist for.
inline bool has_loop_type(at::ScalarType type) {
  return type == at::kFloat || type == at::kBFloat16 || type == at::kHalf;
}

// Calls body with a typed pointer to the data of t. Every other number type is an error: bits that are taken for
// another type's would be wrong numbers, and nobody would be told.
template <typename Body>
void dispatch(const at::Tensor &t, Body body) {
  switch (t.scalar_type()) {
    case at::kFloat:
      body(static_cast<float *>(t.data_ptr()));
      return;
    case at::kBFloat16:
      body(static_cast<at::BFloat16 *>(t.data_ptr()));
      return;
    case at::kHalf:
      body(static_cast<at::Half *>(t.data_ptr()));
      return;
    default:
      TORCH_CHECK(false, "no loop for the number type ", t.scalar_type());
  }
}

// The same for two tensors, each of its own type.
template <typename Body>
void dispatch2(const at::Tensor &a, const at::Tensor &b, Body body) {
  dispatch(a, [&](auto *pa) { dispatch(b, [&](auto *pb) { body(pa, pb); }); });
}

// The data of a tensor that must have the type T.
template <typename T>
T *data_as(const at::Tensor &t) {
  TORCH_CHECK(t.scalar_type() == c10::CppTypeToScalarType<T>::value, "a tensor of ", t.scalar_type(),
              " where its partner's number type was expected");
  return static_cast<T *>(t.data_ptr());
}

// One macro call for each pair of types.
#define ESP_FOR_TYPE_PAIRS(MACRO)   \
  MACRO(float, float)               \
  MACRO(float, at::BFloat16)        \
  MACRO(float, at::Half)            \
  MACRO(at::BFloat16, float)        \
  MACRO(at::BFloat16, at::BFloat16) \
  MACRO(at::BFloat16, at::Half)     \
  MACRO(at::Half, float)            \
  MACRO(at::Half, at::BFloat16)     \
  MACRO(at::Half, at::Half)

#define ESP_DECLARE2(X, Y)                                                                                            \
  void rms_norm_rows(const X *x, const float *gain, Y *y, float *inverse, int64_t begin, int64_t end, int64_t width,  \
                     float epsilon);                                                                                  \
  void rms_norm_backward_rows(const X *x, const float *gain, const float *inverse, const Y *gy, X *gx, int64_t begin, \
                              int64_t end, int64_t width);                                                            \
  void rotate_head(const X *x, const float *cosine, const float *sine, Y *y, int64_t half, float direction);          \
  void swiglu_row(const X *packed, Y *y, int64_t width);                                                              \
  void swiglu_backward_row(const X *packed, const X *gy, Y *gx, int64_t width);                                       \
  void geglu_row(const X *packed, Y *y, int64_t width);                                                               \
  void geglu_backward_row(const X *packed, const X *gy, Y *gx, int64_t width);
ESP_FOR_TYPE_PAIRS(ESP_DECLARE2)
#undef ESP_DECLARE2

// softmax_range: softmax over row[first ..< last] of scale * row, in place; zeros elsewhere in [0, width).
// softmax_backward_range: its derivative by the unscaled row, in place:
// gradient = scale * p * (gradient - sum p gradient).
#define ESP_DECLARE_SOFTMAX(X)                                                         \
  void softmax_range(X *row, int64_t first, int64_t last, int64_t width, float scale); \
  void softmax_backward_range(const X *p, X *gradient, int64_t first, int64_t last, int64_t width, float scale);
ESP_DECLARE_SOFTMAX(float)
ESP_DECLARE_SOFTMAX(at::BFloat16)
ESP_DECLARE_SOFTMAX(at::Half)
#undef ESP_DECLARE_SOFTMAX

}  // namespace espalier
