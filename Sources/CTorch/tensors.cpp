#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include <cmath>
#include <cstring>

#include "handles.h"

using namespace espalier;

// Life, shape, bytes

esp_tensor esp_empty(const int64_t *shape, int rank, esp_dtype dtype, int index) {
  return make([&] {
    return at::empty(at::IntArrayRef(shape, rank), at::TensorOptions().dtype(scalar(dtype)).device(device(index)));
  });
}

esp_tensor esp_full(const int64_t *shape, int rank, double value, esp_dtype dtype, int index) {
  return make([&] {
    return at::full(at::IntArrayRef(shape, rank), value,
                    at::TensorOptions().dtype(scalar(dtype)).device(device(index)));
  });
}

esp_tensor esp_from_bytes(const void *bytes, const int64_t *shape, int rank, esp_dtype dtype, int index) {
  return make([&] {
    auto tensor = at::empty(at::IntArrayRef(shape, rank), at::TensorOptions().dtype(scalar(dtype)));
    if (tensor.nbytes() > 0) std::memcpy(tensor.data_ptr(), bytes, tensor.nbytes());
    return index < 0 ? tensor : tensor.to(device(index));
  });
}

bool esp_copy_to_bytes(esp_tensor t, void *bytes, size_t count) {
  return act([&] {
    auto source = t->value.detach().to(c10::kCPU).contiguous();
    TORCH_CHECK(source.nbytes() == count, "a tensor of ", source.nbytes(), " bytes was to be copied to ", count);
    if (count > 0) std::memcpy(bytes, source.data_ptr(), count);
  });
}

void *esp_data_pointer(esp_tensor t) {
  return t->value.device().is_cpu() && t->value.is_contiguous() ? t->value.data_ptr() : nullptr;
}

void esp_free(esp_tensor t) { delete t; }
int esp_rank(esp_tensor t) { return static_cast<int>(t->value.dim()); }
int64_t esp_size(esp_tensor t, int dimension) { return t->value.size(dimension); }
int64_t esp_element_count(esp_tensor t) { return t->value.numel(); }
esp_dtype esp_get_dtype(esp_tensor t) { return static_cast<esp_dtype>(t->value.scalar_type()); }
int esp_device(esp_tensor t) { return t->value.device().is_cpu() ? -1 : t->value.device().index(); }
bool esp_is_contiguous(esp_tensor t) { return t->value.is_contiguous(); }

bool esp_item(esp_tensor t, double *result) {
  return act([&] { *result = t->value.item().toDouble(); });
}

esp_tensor esp_to_dtype(esp_tensor t, esp_dtype dtype) {
  return make([&] { return t->value.to(scalar(dtype)); });
}
esp_tensor esp_to_device(esp_tensor t, int index) {
  return make([&] { return t->value.to(device(index)); });
}
esp_tensor esp_clone(esp_tensor t) {
  return make([&] { return t->value.clone(at::MemoryFormat::Contiguous); });
}
esp_tensor esp_contiguous(esp_tensor t) {
  return make([&] { return t->value.contiguous(); });
}
esp_tensor esp_detach(esp_tensor t) {
  return make([&] { return t->value.detach(); });
}
esp_tensor esp_reshape(esp_tensor t, const int64_t *shape, int rank) {
  return make([&] { return t->value.reshape(at::IntArrayRef(shape, rank)); });
}
esp_tensor esp_transpose(esp_tensor t, int a, int b) {
  return make([&] { return t->value.transpose(a, b); });
}
esp_tensor esp_narrow(esp_tensor t, int dimension, int64_t start, int64_t length) {
  return make([&] { return t->value.narrow(dimension, start, length); });
}
esp_tensor esp_index_select(esp_tensor t, int dimension, esp_tensor index) {
  return make([&] { return t->value.index_select(dimension, index->value); });
}
bool esp_index_copy(esp_tensor t, esp_tensor index, esp_tensor values) {
  return act([&] { t->value.index_copy_(0, index->value, values->value); });
}
esp_tensor esp_gather(esp_tensor t, int dimension, esp_tensor index) {
  return make([&] { return t->value.gather(dimension, index->value); });
}
esp_tensor esp_cat(const esp_tensor *tensors, int count, int dimension) {
  return make([&] {
    std::vector<at::Tensor> parts;
    for (int i = 0; i < count; ++i) parts.push_back(tensors[i]->value);
    return at::cat(parts, dimension);
  });
}
bool esp_copy(esp_tensor destination, esp_tensor source) {
  return act([&] { destination->value.copy_(source->value); });
}
bool esp_split(esp_tensor t, const int64_t *sizes, int count, int dimension, esp_tensor *parts) {
  return act([&] {
    auto pieces = t->value.split_with_sizes(at::IntArrayRef(sizes, count), dimension);
    for (int i = 0; i < count; ++i) parts[i] = wrap(pieces[i]);
  });
}

// Autograd

bool esp_set_requires_grad(esp_tensor t, bool required) {
  return act([&] { t->value.set_requires_grad(required); });
}
bool esp_retain_grad(esp_tensor t) {
  return act([&] { t->value.retain_grad(); });
}
esp_tensor esp_take_grad(esp_tensor t) {
  return make([&] {
    auto gradient = t->value.grad();
    TORCH_CHECK(gradient.defined(), "the tensor has no gradient");
    t->value.mutable_grad().reset();
    return gradient;
  });
}
bool esp_backward(esp_tensor output, esp_tensor gradient) {
  return act([&] {
    std::vector<at::Tensor> gradients;
    if (gradient) gradients.push_back(gradient->value);
    torch::autograd::backward({output->value}, gradients);
  });
}

// Arithmetic

esp_tensor esp_add(esp_tensor a, esp_tensor b) {
  return make([&] { return a->value + b->value; });
}
esp_tensor esp_sub(esp_tensor a, esp_tensor b) {
  return make([&] { return a->value - b->value; });
}
esp_tensor esp_mul(esp_tensor a, esp_tensor b) {
  return make([&] { return a->value * b->value; });
}
esp_tensor esp_div(esp_tensor a, esp_tensor b) {
  return make([&] { return a->value / b->value; });
}
esp_tensor esp_add_scalar(esp_tensor a, double b) {
  return make([&] { return a->value + b; });
}
esp_tensor esp_mul_scalar(esp_tensor a, double b) {
  return make([&] { return a->value * b; });
}
bool esp_add_in_place(esp_tensor a, esp_tensor b, double alpha) {
  return act([&] { a->value.add_(b->value, alpha); });
}
bool esp_mul_in_place(esp_tensor a, esp_tensor b) {
  return act([&] { a->value.mul_(b->value); });
}
bool esp_mul_scalar_in_place(esp_tensor a, double b) {
  return act([&] { a->value.mul_(b); });
}
bool esp_addcmul_in_place(esp_tensor a, esp_tensor b, esp_tensor c, double alpha) {
  return act([&] { a->value.addcmul_(b->value, c->value, alpha); });
}
bool esp_fill(esp_tensor a, double value) {
  return act([&] { a->value.fill_(value); });
}
esp_tensor esp_abs(esp_tensor a) {
  return make([&] { return a->value.abs(); });
}
esp_tensor esp_sqrt(esp_tensor a) {
  return make([&] { return a->value.sqrt(); });
}
esp_tensor esp_exp(esp_tensor a) {
  return make([&] { return a->value.exp(); });
}
esp_tensor esp_sum(esp_tensor a, int dimension, bool keep) {
  return make([&] { return dimension == INT32_MAX ? a->value.sum() : a->value.sum(dimension, keep); });
}
esp_tensor esp_mean(esp_tensor a, int dimension, bool keep) {
  return make([&] { return dimension == INT32_MAX ? a->value.mean() : a->value.mean(dimension, keep); });
}
esp_tensor esp_max(esp_tensor a, int dimension, bool keep) {
  return make([&] { return dimension == INT32_MAX ? a->value.max() : a->value.amax(dimension, keep); });
}
esp_tensor esp_argmax(esp_tensor a, int dimension) {
  return make([&] { return a->value.argmax(dimension); });
}
esp_tensor esp_norm(esp_tensor a) {
  return make([&] { return at::linalg_vector_norm(a->value, 2, std::nullopt, false, at::kFloat); });
}
bool esp_all_finite(esp_tensor a, bool *result) {
  return act([&] { *result = at::isfinite(a->value).all().item<bool>(); });
}
esp_tensor esp_diagonal(esp_tensor a) {
  return make([&] { return a->value.diagonal(); });
}
esp_tensor esp_compare_greater(esp_tensor a, double threshold) {
  return make([&] { return a->value.gt(threshold); });
}
esp_tensor esp_compare_equal(esp_tensor a, double value) {
  return make([&] { return a->value.eq(value); });
}
esp_tensor esp_where(esp_tensor condition, esp_tensor a, esp_tensor b) {
  return make([&] { return at::where(condition->value, a->value, b->value); });
}
esp_tensor esp_softmax(esp_tensor a, int dimension) {
  return make([&] { return at::softmax(a->value, dimension); });
}
esp_tensor esp_log_softmax(esp_tensor a, int dimension) {
  return make([&] { return at::log_softmax(a->value, dimension); });
}

// Matrices

esp_tensor esp_matmul(esp_tensor a, esp_tensor b) {
  return make([&] { return at::matmul(a->value, b->value); });
}
// x Wᵀ + b. Without float16 arithmetic a processor's float16 products take three times as long as float32's, except for
// fewer than four rows, where reading the weight is all the work. So the operands of larger products are widened, and
// only the result is rounded.
static at::Tensor product(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
  bool widens =
      x.scalar_type() == at::kHalf && x.device().is_cpu() && !esp_has_fast_float16() && x.numel() >= 4 * x.size(-1);
  if (!widens) return at::linear(x, weight, bias);
  auto wide = [](const at::Tensor &t) { return t.to(at::kFloat); };
  return at::linear(wide(x), wide(weight), bias ? std::optional<at::Tensor>(wide(*bias)) : std::nullopt).to(at::kHalf);
}
esp_tensor esp_linear(esp_tensor x, esp_tensor weight, esp_tensor bias) {
  return make(
      [&] { return product(x->value, weight->value, bias ? std::optional<at::Tensor>(bias->value) : std::nullopt); });
}
bool esp_linear_into(esp_tensor y, esp_tensor x, esp_tensor weight) {
  return act([&] {
    if (x->value.scalar_type() == at::kHalf && x->value.device().is_cpu()) {
      y->value.copy_(product(x->value, weight->value, std::nullopt));
      return;
    }
    at::mm_out(y->value, x->value, weight->value.t());
  });
}
bool esp_addmm_in_place(esp_tensor c, esp_tensor a, esp_tensor b, double beta, double alpha) {
  return act([&] { c->value.addmm_(a->value, b->value, beta, alpha); });
}
// The upper triangle's blocks are multiplied, the lower ones are their transposes: at 1536 columns 5/8 of the products.
static void add_gram(at::Tensor h, const at::Tensor &rows, double alpha) {
  int64_t width = rows.size(1), half = width / 2;
  if (width < 512) {
    h.addmm_(rows.t(), rows, 1, alpha);
    return;
  }
  auto left = rows.narrow(1, 0, half), right = rows.narrow(1, half, width - half);
  add_gram(h.narrow(0, 0, half).narrow(1, 0, half), left, alpha);
  add_gram(h.narrow(0, half, width - half).narrow(1, half, width - half), right, alpha);
  auto corner = h.narrow(0, 0, half).narrow(1, half, width - half);
  corner.addmm_(left.t(), right, 1, alpha);
  h.narrow(0, half, width - half).narrow(1, 0, half).copy_(corner.t());
}
bool esp_add_gram(esp_tensor h, esp_tensor x, double alpha) {
  return act([&] { add_gram(h->value, x->value.reshape({-1, x->value.size(-1)}).to(at::kFloat), alpha); });
}
esp_tensor esp_cholesky(esp_tensor a, bool upper, bool *positive_definite) {
  return make([&] {
    auto [factor, info] = at::linalg_cholesky_ex(a->value, upper);
    *positive_definite = info.item().toLong() == 0;
    return factor;
  });
}
esp_tensor esp_cholesky_inverse(esp_tensor factor, bool upper) {
  return make([&] { return at::cholesky_inverse(factor->value, upper); });
}
