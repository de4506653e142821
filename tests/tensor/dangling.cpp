// Compiled by ctest, never run: with REFUSED defined as 1, 2 or 3 one line takes a view of a
// temporary's bytes, which would dangle, and the compiler must refuse it.
#include "weightlift/tensor.h"

namespace {

weightlift::Tensor make() { return weightlift::Tensor::of<float>({1}, {1.0F}); }

}  // namespace

std::size_t use() {
  const weightlift::Tensor kept = make();
  std::size_t size = kept.bytes().size() + kept.data<float>().size();
#if REFUSED == 1
  size += make().bytes().size();
#elif REFUSED == 2
  size += make().data<float>().size();
#elif REFUSED == 3
  size += kept.aligned().bytes().size();
#endif
  return size;
}
