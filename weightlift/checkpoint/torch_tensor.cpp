#include "weightlift/checkpoint/torch_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/torch_dicts.h"
#include "weightlift/checkpoint/torch_storage.h"

// A tensor in a pickle is the call that makes it:
//
//   _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])
//   _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
//   _rebuild_parameter(tensor, requires_grad, hooks)
//   _rebuild_parameter_with_state(tensor, requires_grad, hooks, state)
//   _rebuild_from_type_v2(function, type, the function's arguments, state)
//   _rebuild_device_tensor_from_cpu_tensor(tensor, dtype, device, requires_grad)
//   Parameter(tensor[, requires_grad])
//   FloatTensor() with the state (storage, offset, size, stride)
//
// The fifth is of accelerators whose tensors have no storage (TPUs), the last two are of torch 0.x.
//
// offset and strides count elements. Element (i, j, ...) is at offset + i*stride[0] + j*stride[1] +
// ...; the last one must be in the storage. With the strides of row-major order the tensor is a
// view of the file; a dimension of size 1 may have any stride. Else (channels_last, transposed,
// stepped, expanded with stride 0) it is copied. An expanded tensor is larger than its storage, so
// the size of all copies is limited.

namespace weightlift {

namespace {

/// NumPy's limit, as in safetensors_header.cpp.
constexpr std::size_t kMaxTorchRank = 64;

/// Constructors of unsupported tensors, by name.
struct ForeignTensor {
  std::string_view name;
  std::string_view what;
};
constexpr std::array<ForeignTensor, 8> kForeignTensors = {{
    {"_rebuild_qtensor", "a quantized tensor"},
    {"_rebuild_sparse_tensor", "a sparse tensor"},
    {"_rebuild_nested_tensor", "a nested tensor"},
    {"_rebuild_meta_tensor_no_storage", "a meta tensor, which has no data"},
    {"_rebuild_wrapper_subclass", "a tensor of another class"},
    {"_rebuild_device_tensor_from_numpy", "a tensor that is a numpy array inside the pickle"},
    {"_rebuild_xla_tensor", "a tensor that is a numpy array inside the pickle"},
    {"_load_from_bytes", "a storage inside the pickle"},
}};

struct Layout {
  DType dtype = DType::F32;
  Shape size;
  std::vector<std::int64_t> stride;
  std::int64_t offset = 0;
  std::int64_t count = 0;  // elements
};

bool is_row_major(const Layout& layout) {
  std::int64_t expected = 1;
  for (std::size_t i = layout.size.size(); i-- > 0;) {
    if (layout.size[i] == 1) continue;
    if (layout.stride[i] != expected) return false;
    expected *= layout.size[i];
  }
  return true;
}

/// Copies `count` elements of kBytes each that lie `step` bytes apart.
template <std::size_t kBytes>
void gather(const std::byte* from, std::size_t step, std::size_t count, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * kBytes, from + i * step, kBytes);
}

void gather_row(const std::byte* from, std::size_t step, std::size_t count, std::size_t item,
                std::byte* to) {
  if (step == item) {
    std::memcpy(to, from, count * item);
  } else if (item == 1) {
    gather<1>(from, step, count, to);
  } else if (item == 2) {
    gather<2>(from, step, count, to);
  } else if (item == 4) {
    gather<4>(from, step, count, to);
  } else {
    gather<8>(from, step, count, to);
  }
}

/// The elements in row-major order. There is at least one, and all lie in `storage`.
std::vector<std::byte> copy_row_major(const Layout& layout, std::span<const std::byte> storage) {
  const std::size_t item = item_bytes(layout.dtype);
  std::vector<std::byte> copy(narrow<std::size_t>(layout.count) * item);
  const std::size_t rank = layout.size.size();
  const auto row = narrow<std::size_t>(layout.size[rank - 1]);
  const auto step = narrow<std::size_t>(layout.stride[rank - 1]) * item;
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t at = layout.offset;
  for (std::size_t done = 0; done < copy.size(); done += row * item) {
    gather_row(storage.data() + narrow<std::size_t>(at) * item, step, row, item,
               copy.data() + done);
    for (std::size_t i = rank - 1; i-- > 0;) {  // the next row
      at += layout.stride[i];
      if (++index[i] < layout.size[i]) break;
      at -= layout.stride[i] * layout.size[i];
      index[i] = 0;
    }
  }
  return copy;
}

class TensorReader {
 public:
  TensorReader(const TorchFile& file, std::string_view name, Reading reading)
      : file_(file), name_(name), reading_(reading) {}

  Tensor read(PickleId id, std::uint64_t& copy_budget) {
    unwrap(id);
    Layout layout;
    layout.offset = natural(arguments_->at(1), "offset");
    layout.size = naturals(arguments_->at(2), "size");
    layout.stride = naturals(arguments_->at(3), "stride");
    const auto storage = read_storage(layout);
    require_plain(layout);
    if (device_dtype_ && *device_dtype_ != layout.dtype) {
      refuse_unsupported(fmt::format("change of dtype: {} stored, {} expected on its device",
                                     to_string(layout.dtype), to_string(*device_dtype_)));
    }
    require_inside(layout, storage.size() / item_bytes(layout.dtype));
    return make(std::move(layout), storage, copy_budget);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(fmt::format("{}: tensor '{}'", file_.where, printable(name_)), what);
  }
  [[noreturn]] void refuse_unsupported(const std::string& what, Hints hints = {}) const {
    throw UnsupportedError(fmt::format("{}: tensor '{}'", file_.where, printable(name_)),
                           "unsupported " + what, std::move(hints));
  }
  const PickleNode& node(PickleId id) const { return file_.pickle.at(id); }

  void unwrap(PickleId id);
  void unwrap_type();
  void unwrap_device();
  void require_bool(PickleId id) const;
  void require_arguments(std::size_t least, std::size_t most) const;
  std::int64_t natural(PickleId id, std::string_view what) const;
  Shape naturals(PickleId id, std::string_view what) const;
  DType dtype_at(PickleId id) const;
  std::span<const std::byte> read_storage(Layout& layout) const;
  DType dtype_of_storage(const KnownGlobal& type) const;
  void require_plain(const Layout& layout) const;
  void require_no_hooks(PickleId id) const;
  void require_inside(Layout& layout, std::size_t elements) const;
  Tensor make(Layout layout, std::span<const std::byte> storage, std::uint64_t& budget) const;

  const TorchFile& file_;
  std::string_view name_;
  Reading reading_;
  GlobalKind function_ = GlobalKind::kRebuildTensorV2;
  const std::vector<PickleId>* arguments_ = nullptr;
  std::optional<DType> device_dtype_;
};

/// Goes through parameters and tensors with attributes to the function that makes the tensor. Ends,
/// since each description is made of older values.
void TensorReader::unwrap(PickleId id) {
  for (;;) {
    if (node(id).kind != PickleKind::kRebuild) {
      refuse(fmt::format("expected a tensor, got {}", describe(node(id))));
    }
    function_ = node(id).known->kind;
    arguments_ = &node(id).items;
    while (function_ == GlobalKind::kRebuildFromType) unwrap_type();
    switch (function_) {
      case GlobalKind::kTensorType:
        function_ = GlobalKind::kRebuildTensor;
        [[fallthrough]];
      case GlobalKind::kRebuildTensor:
        return require_arguments(4, 4);
      case GlobalKind::kRebuildTensorV2:
        return require_arguments(6, 7);
      case GlobalKind::kRebuildTensorV3:
        return require_arguments(7, 8);
      case GlobalKind::kRebuildDeviceTensor:
        unwrap_device();
        break;
      case GlobalKind::kParameter:
        require_arguments(1, 2);
        break;
      default: {
        const std::size_t count = function_ == GlobalKind::kRebuildParameter ? 3 : 4;
        require_arguments(count, count);
        require_bool(arguments_->at(1));
        require_no_hooks(arguments_->at(2));
      }
    }
    id = arguments_->front();
  }
}

void TensorReader::unwrap_device() {
  require_arguments(4, 4);
  device_dtype_ = dtype_at(arguments_->at(1));
  require_bool(arguments_->at(3));
}

void TensorReader::require_bool(PickleId id) const {
  if (node(id).kind == PickleKind::kBool) return;
  refuse(fmt::format("requires_grad: expected a bool, got {}", describe(node(id))));
}

void TensorReader::unwrap_type() {
  require_arguments(4, 4);
  const PickleNode& function = node(arguments_->at(0));
  const PickleNode& type = node(arguments_->at(1));
  const PickleNode& inner = node(arguments_->at(2));
  const auto is_known = [](const PickleNode& value) {
    return value.kind == PickleKind::kGlobal && value.known != nullptr;
  };
  if (!is_known(type) ||
      (type.known->kind != GlobalKind::kTensorType && type.known->kind != GlobalKind::kParameter)) {
    refuse_unsupported(fmt::format("tensor class: expected torch.Tensor, got {}", describe(type)));
  }
  const bool rebuilds = is_known(function) && function.known->kind >= GlobalKind::kRebuildTensor &&
                        function.known->kind <= GlobalKind::kRebuildDeviceTensor;
  if (!rebuilds || inner.kind != PickleKind::kTuple) {
    const std::string what = foreign_tensor(function);
    if (!what.empty()) refuse_unsupported(fmt::format("kind of tensor: {}", what));
    refuse(fmt::format("expected a function that makes a tensor, got {}", describe(function)));
  }
  function_ = function.known->kind;
  arguments_ = &inner.items;
}

void TensorReader::require_arguments(std::size_t least, std::size_t most) const {
  const std::size_t got = arguments_->size();
  if (got < least || got > most) {
    refuse(fmt::format("expected {} to {} arguments, got {}", least, most, got));
  }
}

std::int64_t TensorReader::natural(PickleId id, std::string_view what) const {
  const PickleNode& number = node(id);
  if (number.kind != PickleKind::kInt || number.integer < 0) {
    refuse(fmt::format(
        "{}: expected integers from 0 to 2^63 - 1, got {}", what,
        number.kind == PickleKind::kInt ? std::to_string(number.integer) : describe(number)));
  }
  return number.integer;
}

Shape TensorReader::naturals(PickleId id, std::string_view what) const {
  const PickleNode& tuple = node(id);
  if (tuple.kind != PickleKind::kTuple && tuple.kind != PickleKind::kList) {
    refuse(fmt::format("{}: expected a tuple, got {}", what, describe(tuple)));
  }
  if (tuple.items.size() > kMaxTorchRank) {
    refuse(fmt::format("{}: expected at most {} dimensions, got {}", what, kMaxTorchRank,
                       tuple.items.size()));
  }
  Shape numbers;
  for (const PickleId item : tuple.items) numbers.push_back(natural(item, what));
  return numbers;
}

DType TensorReader::dtype_of_storage(const KnownGlobal& type) const {
  if (!type.dtype) {
    refuse_unsupported(fmt::format("dtype: torch.{}", type.name));
  }
  return *type.dtype;
}

DType TensorReader::dtype_at(PickleId id) const {
  const PickleNode& dtype = node(id);
  const bool known = dtype.kind == PickleKind::kGlobal && dtype.known != nullptr &&
                     dtype.known->kind == GlobalKind::kDType && dtype.known->dtype;
  if (!known) refuse_unsupported(fmt::format("dtype: {}", describe(dtype)));
  return *dtype.known->dtype;
}

/// The bytes of the storage, or of the part referred to; sets the layout's dtype.
std::span<const std::byte> TensorReader::read_storage(Layout& layout) const {
  if (node(arguments_->front()).kind != PickleKind::kPersistent) {
    refuse(fmt::format("expected a storage, got {}", describe(node(arguments_->front()))));
  }
  const StorageReference reference =
      read_storage_reference(file_.pickle, arguments_->front(), file_.form, file_.where);
  const TorchStorage& storage = file_.storages.at(reference.key);
  const std::size_t item = reference.type->item_bytes;
  const auto bytes =
      storage.bytes.subspan(narrow<std::size_t>(reference.begin) * item,
                            narrow<std::size_t>(reference.end - reference.begin) * item);
  if (function_ != GlobalKind::kRebuildTensorV3) {
    layout.dtype = dtype_of_storage(*reference.type);
    return bytes;
  }
  layout.dtype = dtype_at(arguments_->at(6));
  if (reference.type->name != "UntypedStorage" || bytes.size() % item_bytes(layout.dtype) != 0) {
    refuse(
        fmt::format("storage: expected an UntypedStorage of whole {} elements, got {} of {} bytes",
                    to_string(layout.dtype), reference.type->name, bytes.size()));
  }
  return bytes;
}

void TensorReader::require_no_hooks(PickleId id) const {
  const PickleNode& hooks = node(id);
  if (hooks.kind != PickleKind::kNone && !(is_dict(hooks) && hooks.items.empty())) {
    refuse(fmt::format("hooks: expected none, got {}", describe(hooks)));
  }
}

/// Checks that the bytes are the values: with conj or neg the tensor's signs differ from its
/// storage's.
void TensorReader::require_plain(const Layout& layout) const {
  if (function_ == GlobalKind::kRebuildTensor) return;
  const PickleNode& grad = node(arguments_->at(4));
  const bool differentiable = is_floating(layout.dtype) || layout.dtype == DType::C64;
  if (grad.kind != PickleKind::kBool || (grad.integer != 0 && !differentiable)) {
    refuse(
        fmt::format("requires_grad: expected a bool, True for floating types only, got {} for {}",
                    describe(grad), to_string(layout.dtype)));
  }
  require_no_hooks(arguments_->at(5));
  const std::size_t metadata_at = function_ == GlobalKind::kRebuildTensorV3 ? 7 : 6;
  if (arguments_->size() <= metadata_at) return;
  const PickleNode& metadata = node(arguments_->at(metadata_at));
  const bool dict = is_dict(metadata);
  if (metadata.kind != PickleKind::kNone && !dict) {
    refuse(fmt::format("metadata: expected a dict, got {}", describe(metadata)));
  }
  for (std::size_t i = 0; dict && i < metadata.items.size(); i += 2) {
    const PickleNode& key = node(metadata.items[i]);
    if (key.kind == PickleKind::kText && (key.text == "conj" || key.text == "neg")) {
      refuse_unsupported(
          fmt::format("lazy '{}' of its elements", key.text),
          advice(fmt::format("call torch.resolve_{}() and save it again", key.text)));
    }
  }
}

/// Throws unless the last element is in the storage. Sets the layout's count, and unused strides,
/// which may have any value, to 0.
void TensorReader::require_inside(Layout& layout, std::size_t elements) const {
  if (layout.size.size() != layout.stride.size()) {
    refuse(fmt::format("stride: expected one for each of {} dimensions, got {}", layout.size.size(),
                       layout.stride.size()));
  }
  const auto count = checked_numel(layout.size);
  if (!count || !checked_mul(*count, narrow<std::int64_t>(item_bytes(layout.dtype)))) {
    refuse(fmt::format("size {} exceeds 64 bits", to_string(layout.size)));
  }
  layout.count = *count;
  if (layout.count == 0) return;
  std::optional<std::int64_t> last = layout.offset;
  for (std::size_t i = 0; last && i < layout.size.size(); ++i) {
    if (layout.size[i] == 1) layout.stride[i] = 0;
    const auto reach = checked_mul(layout.size[i] - 1, layout.stride[i]);
    last = reach ? checked_add(*last, *reach) : std::nullopt;
  }
  if (!last || std::cmp_greater_equal(*last, elements)) {
    refuse(fmt::format("its storage has {} elements, but its last element is at {}", elements,
                       last ? std::to_string(*last) : "a place beyond 64 bits"));
  }
}

Tensor TensorReader::make(Layout layout, std::span<const std::byte> storage,
                          std::uint64_t& budget) const {
  const std::size_t item = item_bytes(layout.dtype);
  const std::size_t bytes = narrow<std::size_t>(layout.count) * item;
  if (layout.count == 0) return Tensor::view(layout.dtype, std::move(layout.size), {}, file_.owner);
  if (is_row_major(layout)) {
    const auto part = storage.subspan(narrow<std::size_t>(layout.offset) * item, bytes);
    return Tensor::view(layout.dtype, std::move(layout.size), part, file_.owner);
  }
  if (bytes > budget) {
    refuse(fmt::format("copies of tensors exceed four times the file: {} {} needs {} more bytes",
                       to_string(layout.dtype), to_string(layout.size), bytes));
  }
  budget -= bytes;
  if (reading_ == Reading::kMetadataOnly) {
    auto zeros = map_zeros(bytes);
    const std::span<const std::byte> unread(zeros.get(), bytes);
    return Tensor::view(layout.dtype, std::move(layout.size), unread, std::move(zeros));
  }
  auto copy = std::make_shared<const std::vector<std::byte>>(copy_row_major(layout, storage));
  const std::span<const std::byte> copied(*copy);
  return Tensor::view(layout.dtype, std::move(layout.size), copied, std::move(copy));
}

}  // namespace

Tensor read_torch_tensor(const TorchFile& file, PickleId id, std::string_view name, Reading reading,
                         std::uint64_t& copy_budget) {
  return TensorReader(file, name, reading).read(id, copy_budget);
}

std::string foreign_tensor(const PickleNode& node) {
  const bool named = node.kind == PickleKind::kOpaque || node.kind == PickleKind::kGlobal;
  if (!named || (node.text != "torch" && !node.text.starts_with("torch."))) return "";
  const auto* found = std::ranges::find(kForeignTensors, node.name, &ForeignTensor::name);
  if (found != kForeignTensors.end()) return std::string(found->what);
  const bool tensor = node.name.starts_with("_rebuild_") || node.name.ends_with("Tensor") ||
                      node.name == "Parameter";
  return tensor ? "a tensor of another kind" : "";
}

}  // namespace weightlift
