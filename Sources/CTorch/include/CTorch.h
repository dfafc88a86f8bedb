// A plain-C face on libtorch. Every function catches what C++ throws: one that makes a tensor returns NULL, one that
// returns a status returns false, and esp_error_* then tell why (per thread). A tensor handle is owned by the caller
// and given back with esp_free.
#ifndef ESPALIER_CTORCH_H
#define ESPALIER_CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_tensor_s *esp_tensor;

typedef enum { ESP_ERROR_NONE = 0, ESP_ERROR_MEMORY = 1, ESP_ERROR_DEVICE = 2, ESP_ERROR_OTHER = 3 } esp_error_kind;
esp_error_kind esp_last_error_kind(void);
const char *esp_last_error_message(void);
esp_error_kind esp_kind_of_message(const char *message);  // of an error whose text is all that is known

// The numbers are c10::ScalarType's.
typedef enum {
  ESP_UINT8 = 0,
  ESP_INT32 = 3,
  ESP_INT64 = 4,
  ESP_FLOAT16 = 5,
  ESP_FLOAT32 = 6,
  ESP_FLOAT64 = 7,
  ESP_BOOL = 11,
  ESP_BFLOAT16 = 15
} esp_dtype;

// Engine -----------------------------------------------------------------------------------------------------------
const char *esp_version(void);         // of the library that is loaded
const char *esp_header_version(void);  // of the headers this was compiled with
bool esp_set_threads(int count);
int esp_threads(void);
bool esp_can_make_threads(int count);  // tried and taken back
bool esp_can_allocate(int64_t bytes);  // likewise
void esp_keep_freed_memory(void);      // see engine.cpp
int esp_loop_ranges(void);             // parts into which a long loop is divided: one for each thread
bool esp_has_fast_bfloat16(void);      // the processor multiplies bfloat16 natively
bool esp_has_fast_float16(void);       // ... and float16
bool esp_load_cuda(int index);         // opens libtorch_cuda; false with ESP_ERROR_DEVICE
bool esp_synchronize(void);            // waits until that GPU has done what it was given; nothing without one
int esp_cuda_device_count(void);
// Of a GPU that was opened: bytes that tensors can still have, those that they have, and the most that they have had.
bool esp_device_memory(int device, int64_t *free_bytes, int64_t *held, int64_t *peak);
bool esp_grad_enabled(void);
void esp_set_grad_enabled(bool enabled);

// Life, shape, bytes -----------------------------------------------------------------------------------------------
// device: -1 is the CPU, n is cuda:n.
esp_tensor esp_empty(const int64_t *shape, int rank, esp_dtype dtype, int device);
esp_tensor esp_full(const int64_t *shape, int rank, double value, esp_dtype dtype, int device);
esp_tensor esp_from_bytes(const void *bytes, const int64_t *shape, int rank, esp_dtype dtype, int device);  // copies
bool esp_copy_to_bytes(esp_tensor t, void *bytes, size_t count);  // contiguous order
void *esp_data_pointer(esp_tensor t);                             // of a contiguous CPU tensor, else NULL
void esp_free(esp_tensor t);
int esp_rank(esp_tensor t);
int64_t esp_size(esp_tensor t, int dimension);
int64_t esp_element_count(esp_tensor t);
esp_dtype esp_get_dtype(esp_tensor t);
int esp_device(esp_tensor t);
bool esp_is_contiguous(esp_tensor t);
bool esp_item(esp_tensor t, double *result);  // of the only element

esp_tensor esp_to_dtype(esp_tensor t, esp_dtype dtype);
esp_tensor esp_to_device(esp_tensor t, int device);
esp_tensor esp_clone(esp_tensor t);
esp_tensor esp_contiguous(esp_tensor t);
esp_tensor esp_detach(esp_tensor t);
esp_tensor esp_reshape(esp_tensor t, const int64_t *shape, int rank);
esp_tensor esp_transpose(esp_tensor t, int a, int b);
esp_tensor esp_narrow(esp_tensor t, int dimension, int64_t start, int64_t length);
esp_tensor esp_index_select(esp_tensor t, int dimension, esp_tensor index);
bool esp_index_copy(esp_tensor t, esp_tensor index, esp_tensor values);  // t[index[i]] = values[i]
esp_tensor esp_gather(esp_tensor t, int dimension, esp_tensor index);
esp_tensor esp_cat(const esp_tensor *tensors, int count, int dimension);
bool esp_copy(esp_tensor destination, esp_tensor source);

// Autograd ---------------------------------------------------------------------------------------------------------
bool esp_set_requires_grad(esp_tensor t, bool required);
bool esp_retain_grad(esp_tensor t);                         // an intermediate result's gradient is to be kept
esp_tensor esp_take_grad(esp_tensor t);                     // the gradient, which the tensor then no longer holds
bool esp_backward(esp_tensor output, esp_tensor gradient);  // gradient NULL for a scalar

// Arithmetic -------------------------------------------------------------------------------------------------------
esp_tensor esp_add(esp_tensor a, esp_tensor b);
esp_tensor esp_sub(esp_tensor a, esp_tensor b);
esp_tensor esp_mul(esp_tensor a, esp_tensor b);
esp_tensor esp_div(esp_tensor a, esp_tensor b);
esp_tensor esp_add_scalar(esp_tensor a, double b);
esp_tensor esp_mul_scalar(esp_tensor a, double b);
bool esp_add_in_place(esp_tensor a, esp_tensor b, double alpha);  // a += alpha * b
bool esp_mul_in_place(esp_tensor a, esp_tensor b);
bool esp_mul_scalar_in_place(esp_tensor a, double b);
bool esp_addcmul_in_place(esp_tensor a, esp_tensor b, esp_tensor c, double alpha);  // a += alpha * b * c
bool esp_fill(esp_tensor a, double value);
esp_tensor esp_abs(esp_tensor a);
esp_tensor esp_sqrt(esp_tensor a);
esp_tensor esp_sum(esp_tensor a, int dimension, bool keep);  // dimension INT32_MAX: all
esp_tensor esp_mean(esp_tensor a, int dimension, bool keep);
esp_tensor esp_max(esp_tensor a, int dimension, bool keep);
esp_tensor esp_argmax(esp_tensor a, int dimension);
esp_tensor esp_norm(esp_tensor a);  // Frobenius, float32 accumulation
bool esp_all_finite(esp_tensor a, bool *result);
esp_tensor esp_diagonal(esp_tensor a);
esp_tensor esp_compare_greater(esp_tensor a, double threshold);
esp_tensor esp_compare_equal(esp_tensor a, double value);
esp_tensor esp_where(esp_tensor condition, esp_tensor a, esp_tensor b);
esp_tensor esp_softmax(esp_tensor a, int dimension);
esp_tensor esp_log_softmax(esp_tensor a, int dimension);
esp_tensor esp_exp(esp_tensor a);

// Matrices ---------------------------------------------------------------------------------------------------------
esp_tensor esp_matmul(esp_tensor a, esp_tensor b);
esp_tensor esp_linear(esp_tensor x, esp_tensor weight, esp_tensor bias);  // bias may be NULL
bool esp_linear_into(esp_tensor y, esp_tensor x, esp_tensor weight);      // y = x weightT: matrices of one type
bool esp_addmm_in_place(esp_tensor c, esp_tensor a, esp_tensor b, double beta, double alpha);  // c = beta c + alpha a b
bool esp_add_gram(esp_tensor h, esp_tensor x, double alpha);  // h += alpha xT x, float32, x [n, k]
esp_tensor esp_cholesky(esp_tensor a, bool upper, bool *positive_definite);
esp_tensor esp_cholesky_inverse(esp_tensor factor, bool upper);

// The decoder's own operations (differentiable) ----------------------------------------------------------------------
// RMS norm over the last dimension; statistics in float32, the result in `output`.
esp_tensor esp_rms_norm(esp_tensor x, esp_tensor weight, double epsilon, esp_dtype output);
// Rotary embedding of x [b, t, heads, d] by cos, sin [t, d/2] float32 in the half-split convention.
esp_tensor esp_rotary(esp_tensor x, esp_tensor cosine, esp_tensor sine);
// x weight^T + bias, where `weight` holds scale * b a of some of its rows already: gradients go to a [parts * r, in]
// and b [sum of rows, r], not to the weight. Part p is the rows[p] rows from starts[p] on. bias may be NULL.
esp_tensor esp_low_rank_linear(esp_tensor x, esp_tensor weight, esp_tensor bias, esp_tensor a, esp_tensor b,
                               double scale, const int64_t *starts, const int64_t *rows, int parts);
// activation(gate) * up of x = [.., gate | up] -> [.., width].
typedef enum { ESP_SILU = 0, ESP_GELU_TANH = 1 } esp_activation;
esp_tensor esp_gated(esp_tensor packed, esp_activation activation);
// cap * tanh(x / cap), in the tensor's own number type.
esp_tensor esp_soft_cap(esp_tensor x, double cap);
// Causal attention of q [b, t, heads, d] over k, v [b, s, kv, d], the queries being the last t of s positions; each
// sees at most `window` positions (0: all before it). With soft_cap > 0 the scaled products go through
// soft_cap * tanh(product / soft_cap) before the softmax. Result [b, t, heads * d].
esp_tensor esp_attention(esp_tensor q, esp_tensor k, esp_tensor v, double scale, int64_t window, double soft_cap);
// The same for the nodes of a tree of sequences, one after another in q [1, t, heads, d] and k, v [1, t, kv, d].
// Node n sees counts[n] ranges [first, end) of rows, `ranges` holding them node after node: its ancestors' from the
// root on, then its own.
esp_tensor esp_tree_attention(esp_tensor q, esp_tensor k, esp_tensor v, double scale, int64_t window, double soft_cap,
                              const int64_t *ranges, const int64_t *counts, int nodes);
// What the predictions of n positions say, collected over pieces of the vocabulary: float64 [n, 9], the columns in
// vocabulary_scores.cpp's order: for the model, then for the dense model it is compared with, the highest logit, the
// sum of exp(logit - highest), the target's logit and the likeliest token; last, sum exp(dense - highest) * (dense -
// model).
esp_tensor esp_vocabulary_scores(int64_t positions, int device);
// Adds the logits [n, v] of the tokens from `first` on; `dense`, of the same shape, may be NULL. `targets` [n] int64
// are the tokens whose logits are wanted; the row of a position with a negative one means nothing. `by_tensors` has the
// processor work as other devices do.
bool esp_add_vocabulary_scores(esp_tensor state, esp_tensor logits, esp_tensor dense, esp_tensor targets, int64_t first,
                               bool by_tensors);
bool esp_split(esp_tensor t, const int64_t *sizes, int count, int dimension, esp_tensor *parts);

// Pruning's own loops (CPU; other devices go through tensor operations or the CPU) ---------------------------------
// Keep-mask, bool, of the `keep` largest of every run of `group` scores in a row; ties keep the higher index. On the
// scores' own device; `by_tensors` has the processor work as other devices do.
esp_tensor esp_mask_keep_of(esp_tensor scores, int64_t keep, int64_t group, bool by_tensors);
// sum over rows of x^2 added to `into` [columns], float32.
bool esp_add_column_squares(esp_tensor into, esp_tensor x);
// One RMSprop step (PyTorch's, no momentum, not centred): square = decay square + (1 - decay) g^2,
// w -= rate g / (sqrt(square) + epsilon). `working`, when given, receives w in its own dtype.
bool esp_rmsprop_step(esp_tensor w, esp_tensor gradient, esp_tensor square, esp_tensor working, double rate,
                      double decay, double epsilon);
// One Adam step with bias correction; `mask` (bool) holds zeros at zero.
bool esp_adam_step(esp_tensor w, esp_tensor gradient, esp_tensor first, esp_tensor second, esp_tensor mask,
                   esp_tensor working, double rate, double beta1, double beta2, double epsilon, int64_t step);
// Training's own loops ---------------------------------------------------------------------------------------------
// For logits [n, vocabulary]: float64 [n, 2], KL(dense || model) and -log p(target) of each row; the logits are
// overwritten by scale * d(kl * KL + lm * -log p) / d logits, but for a scale of 0, which leaves them as they are. A
// row with a negative target counts nothing. `dense`, of the same shape, may be NULL. `by_tensors` has the processor
// work as other devices do.
esp_tensor esp_distillation_loss(esp_tensor logits, esp_tensor dense, esp_tensor targets, double kl, double lm,
                                 double scale, bool by_tensors);
// The sum of squares of a gradient, over places where `weight`, when given, is not zero.
bool esp_square_sum(esp_tensor gradient, esp_tensor weight, double *result);
// One AdamW step (PyTorch's) with the gradient times `factor`. With keeps_zeros a weight that is zero stays so, and its
// moments, too. `working`, when given, receives w in its own dtype.
bool esp_adamw_step(esp_tensor w, esp_tensor gradient, esp_tensor first, esp_tensor second, esp_tensor working,
                    double factor, double rate, double decay, double beta1, double beta2, double epsilon, int64_t step,
                    bool keeps_zeros);
// target = base + added, both float32, in target's own dtype; with keeps_zeros zero where base is zero.
bool esp_set_sum(esp_tensor target, esp_tensor base, esp_tensor added, bool keeps_zeros);
// Zero where the float32 weight is zero.
bool esp_keep_zeros(esp_tensor gradient, esp_tensor weight);

// For `count` groups of `size` columns of scores [rows, n], of each of which `keep` columns count in every row:
// gains[i * count + j] is what group j's sum rises by when group i's member of that number joins it in its own's place,
// which is left out of both.
bool esp_exchange_gains(esp_tensor scores, const int32_t *groups, int64_t count, int64_t size, int64_t keep,
                        int64_t member, float *gains);

// SparseGPT on one block of columns w [rows, width] (updated in place), with hinv the upper Cholesky factor's block
// [width, width]. With group == 0 the mask is given in `keep`; else keep_of of every `group` columns are chosen on the
// way, by w^2 / diag^2, and `keep` receives them. errors [rows, width] receives (w - q) / d for the later columns.
bool esp_sparsegpt_block(esp_tensor w, esp_tensor hinv, esp_tensor keep, int64_t keep_of, int64_t group,
                         esp_tensor errors);

#ifdef __cplusplus
}
#endif
#endif
