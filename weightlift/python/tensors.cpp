#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint.h"
#include "weightlift/jobs.h"
#include "weightlift/python/arrays.h"
#include "weightlift/python/background.h"
#include "weightlift/python/bindings.h"

namespace weightlift {

namespace {

namespace nb = nanobind;

/// The tensors of one state dict of a weights file, which stays mapped.
class TensorFile {
 public:
  TensorFile(const std::filesystem::path& path, const std::string& weights_key,
             const nb::object& events) {
    run_in_background(events, [&](ProgressSink& progress) {
      if (!is_there(path)) throw NotFoundError(shown(path), "no such file or folder");
      ProgressSink& quiet = no_progress();  // its notes are about conversion
      progress.check();
      const Inspection found =
          inspect({std::filesystem::absolute(path).native(), weights_key}, quiet);
      chosen_ = found.chosen;
      is_network_ = found.network.has_value();
      checkpoint_ = open_checkpoint(found.file);
      tensors_ = load_dict(checkpoint_, found.chosen).tensors;
    });
  }

  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : tensors_) names.push_back(name);
    return names;
  }

  /// The path of the state dict, those of the others that have tensors, and whether it is that of a
  /// supported network.
  std::tuple<std::string, std::vector<std::string>, bool> choice() const {
    std::vector<std::string> others;
    for (std::size_t i = 0; i < checkpoint_.dicts.size(); ++i) {
      const NamedDict& dict = checkpoint_.dicts[i];
      if (i != chosen_ && !dict.names.empty()) others.push_back(dict.path);
    }
    return {checkpoint_.dicts[chosen_].path, std::move(others), is_network_};
  }

  std::vector<std::pair<std::string, std::string>> metadata() const { return checkpoint_.metadata; }

  /// "F32" and [64, 3, 7, 7].
  std::pair<std::string, Shape> describe(const std::string& name) const {
    const Tensor& tensor = tensors_.at(name);
    return {std::string(to_string(tensor.dtype())), tensor.shape()};
  }

  /// A view. The guard of mapped files does not cover it: zeros instead of lost pages would be
  /// wrong values without an error.
  nb::object view(const std::string& name) const {
    const Tensor& tensor = tensors_.at(name);
    exclude_from_guard(tensor.bytes());
    return bytes_array(tensor);
  }

  /// A copy that can be changed, and checked: the file was whole while it was read.
  nb::object copy(const std::string& name, const nb::object& events) const {
    const Tensor& tensor = tensors_.at(name);
    auto bytes = std::make_unique<std::vector<std::uint8_t>>();
    run_in_background(events, [&](ProgressSink&) {
      require_intact(checkpoint_);  // before: a view has excluded the file from the guard
      const auto* first = reinterpret_cast<const std::uint8_t*>(tensor.bytes().data());
      bytes->assign(first, first + tensor.bytes().size());
      require_intact(checkpoint_);
    });
    std::uint8_t* const copied = bytes->data();
    const std::size_t size = bytes->size();
    return array_of(copied, size, std::move(bytes));
  }

 private:
  Checkpoint checkpoint_;
  std::size_t chosen_ = 0;
  bool is_network_ = false;
  StateDict tensors_;
};

}  // namespace

nb::object bytes_array(const Tensor& tensor) {
  auto owner = std::make_unique<Tensor>(tensor);
  const std::span<const std::byte> bytes = owner->bytes();
  return array_of(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                  std::move(owner));
}

void bind_tensors(nb::module_& module) {
  nb::class_<TensorFile>(module, "TensorFile")
      .def(nb::init<const std::filesystem::path&, const std::string&, const nb::object&>())
      .def("keys", &TensorFile::keys)
      .def("choice", &TensorFile::choice)
      .def("metadata", &TensorFile::metadata)
      .def("describe", &TensorFile::describe)
      .def("view", &TensorFile::view)
      .def("copy", &TensorFile::copy);
}

}  // namespace weightlift
