// Exact selection: which of a group's scores are its `keep` highest. The count is exact, ties are broken by index, and
// the result depends neither on the number of threads nor on the device.
#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "handles.h"
#include "parallel.h"

using namespace espalier;

namespace {

// Groups of at most so many scores are compared pair by pair.
constexpr int64_t kPairwise = 32;
// Groups of at least so many scores are divided among the threads; of smaller ones each has a thread.
constexpr int64_t kShared = 1 << 16;
// The radix passes read 11, 11 and 10 bits of a key.
constexpr int kBits = 11;
constexpr std::array<int, 3> kShifts = {21, 10, 0};
using Histogram = std::array<int64_t, 1 << kBits>;

// A score that is not a number counts as the lowest: the order stays a strict one.
inline float ranked(float score) { return score == score ? score : -std::numeric_limits<float>::infinity(); }

// An integer that is ordered as the scores are; both zeros have the same.
inline uint32_t key(float score) {
  float value = ranked(score) + 0.0f;
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

void keep_pairwise(const float *scores, bool *keep, int64_t count, int64_t drop) {
  float values[kPairwise];
  for (int64_t i = 0; i < count; ++i) values[i] = ranked(scores[i]);
  for (int64_t i = 0; i < count; ++i) {
    int64_t below = 0;
    for (int64_t j = 0; j < count; ++j) below += values[j] < values[i] || (values[j] == values[i] && j < i);
    keep[i] = below >= drop;
  }
}

// Key and index in one integer: no two are equal, and comparing them reads memory in order.
void keep_by_partition(const float *scores, bool *keep, int64_t count, int64_t drop, std::vector<uint64_t> &order) {
  std::fill(keep, keep + count, true);
  if (drop == 0) return;
  order.resize(count);
  for (int64_t i = 0; i < count; ++i) order[i] = uint64_t(key(scores[i])) << 32 | uint64_t(i);
  if (drop < count) std::nth_element(order.begin(), order.begin() + (drop - 1), order.end());
  for (int64_t i = 0; i < drop; ++i) keep[uint32_t(order[i])] = false;
}

// Radix selection on all threads: three passes that count keys by their next bits find the highest key that is dropped,
// then one counts its copies and one writes the mask.
void keep_by_radix(const float *scores, bool *keep, int64_t count, int64_t drop) {
  if (drop == 0) {
    std::fill(keep, keep + count, true);
    return;
  }
  // The parts do not depend on the threads that work on them.
  int64_t parts = std::min<int64_t>(64, count / (kShared / 4) + 1), size = (count + parts - 1) / parts;
  auto for_parts = [&](auto body) {
    parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) body(part, part * size, std::min(count, (part + 1) * size));
    });
  };
  std::vector<Histogram> histograms(parts);
  // Keys whose upper bits are below `found`'s are dropped; `left` of those that share them are.
  uint32_t found = 0;
  int64_t left = drop;
  int done = 0;
  for (int shift : kShifts) {
    int bits = std::min(kBits, 32 - done);
    for_parts([&](int64_t part, int64_t begin, int64_t end) {
      auto &histogram = histograms[part];
      histogram.fill(0);
      uint32_t mask = (1u << bits) - 1;
      for (int64_t i = begin; i < end; ++i) {
        uint32_t k = key(scores[i]);
        // The first pass has no upper bits to compare; a shift by 32 is undefined.
        bool belongs = done == 0 || k >> (32 - done) == found >> (32 - done);
        histogram[(k >> shift) & mask] += belongs;
      }
    });
    for (uint32_t digit = 0; digit < (1u << bits); ++digit) {
      int64_t total = 0;
      for (const auto &histogram : histograms) total += histogram[digit];
      if (left <= total) {
        found |= digit << shift;
        break;
      }
      left -= total;
    }
    done += bits;
  }
  // `left` copies of the key `found` are dropped, those of the lowest indices.
  std::vector<int64_t> copies(parts);
  for_parts([&](int64_t part, int64_t begin, int64_t end) {
    int64_t equal = 0;
    for (int64_t i = begin; i < end; ++i) equal += key(scores[i]) == found;
    copies[part] = equal;
  });
  int64_t before = 0;
  for (auto &equal : copies) {
    int64_t own = equal;
    equal = before;
    before += own;
  }
  for_parts([&](int64_t part, int64_t begin, int64_t end) {
    int64_t equal = copies[part];
    for (int64_t i = begin; i < end; ++i) {
      uint32_t k = key(scores[i]);
      keep[i] = k > found || (k == found && equal >= left);
      equal += k == found;
    }
  });
}

at::Tensor on_processor(const at::Tensor &scores, int64_t drop, int64_t group) {
  auto s = scores.to(at::kFloat).contiguous();
  auto keep = at::empty(s.sizes(), s.options().dtype(at::kBool));
  const float *in = s.data_ptr<float>();
  bool *out = keep.data_ptr<bool>();
  int64_t groups = s.numel() / group;
  if (group >= kShared) {
    for (int64_t g = 0; g < groups; ++g) keep_by_radix(in + g * group, out + g * group, group, drop);
    return keep;
  }
  parallel_for(groups, std::max<int64_t>(1, 4096 / group), [&](int64_t begin, int64_t end) {
    std::vector<uint64_t> order;
    for (int64_t g = begin; g < end; ++g) {
      if (group <= kPairwise)
        keep_pairwise(in + g * group, out + g * group, group, drop);
      else
        keep_by_partition(in + g * group, out + g * group, group, drop, order);
    }
  });
  return keep;
}

// In tensor operations, for other devices.
at::Tensor composed(const at::Tensor &scores, int64_t drop, int64_t group) {
  auto s = scores.to(at::kFloat).reshape({-1, group});
  s = at::where(s.isnan(), at::full({}, -std::numeric_limits<float>::infinity(), s.options()), s) + 0.0;
  if (group <= kPairwise) {
    auto below = at::zeros(s.sizes(), s.options().dtype(at::kByte));
    auto index = at::arange(group, s.options().dtype(at::kLong));
    for (int64_t j = 0; j < group; ++j) {
      auto other = s.narrow(1, j, 1);
      below.add_(other.lt(s).logical_or(other.eq(s).logical_and(index.gt(j))));
    }
    return below.ge(drop).view(scores.sizes());
  }
  auto order = std::get<1>(s.sort(/*stable=*/true, /*dim=*/1, /*descending=*/false));
  auto keep = at::ones(s.sizes(), s.options().dtype(at::kBool));
  keep.scatter_(1, order.narrow(1, 0, drop), false);
  return keep.view(scores.sizes());
}

}  // namespace

esp_tensor esp_mask_keep_of(esp_tensor scores, int64_t keep_count, int64_t group, bool by_tensors) {
  return make([&] {
    auto s = scores->value.detach();
    TORCH_CHECK(group > 0 && keep_count >= 0 && keep_count <= group && s.numel() % group == 0,
                "scores do not divide into groups");
    TORCH_CHECK(group <= std::numeric_limits<uint32_t>::max(), "a group has more scores than 32 bits can number");
    if (s.numel() == 0) return at::empty(s.sizes(), s.options().dtype(at::kBool));
    bool loops = s.device().is_cpu() && !by_tensors;
    return loops ? on_processor(s, group - keep_count, group) : composed(s, group - keep_count, group);
  });
}
