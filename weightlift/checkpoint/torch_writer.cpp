#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/crc32.h"
#include "weightlift/checkpoint/output_elements.h"
#include "weightlift/checkpoint/output_file.h"
#include "weightlift/checkpoint/output_sink.h"
#include "weightlift/checkpoint/output_stream.h"
#include "weightlift/checkpoint/pickle_globals.h"
#include "weightlift/checkpoint/zip_writer.h"

// The records, in this order (torch_archive.cpp lists those that torch itself adds):
//
//   archive/data.pkl     the names, dtypes and shapes
//   archive/byteorder    "little"
//   archive/data/0...    the tensors
//   archive/version      "3" and a line break; torch refuses a file without
//
// .format_version is omitted: it promises torch's own layout of the records to readers that compute
// their places. The pickle has protocol 2, and only opcodes and globals that torch's unpickler for
// weights_only supports since its first version (1.13): no floats, no bytes. It has no memo, so
// that a tensor's bytes in it do not depend on its place.

namespace weightlift {

namespace {

constexpr std::string_view kByteOrder = "little";
constexpr std::string_view kVersion = "3\n";

/// Opcodes are explained in pickle.cpp.
class PickleWriter {
 public:
  void op(std::string_view opcodes) { text_ += opcodes; }

  void global(std::string_view module, std::string_view name) {
    text_ += fmt::format("c{}\n{}\n", module, name);
  }

  void text(std::string_view value) {
    text_ += 'X';
    append_little_endian(narrow<std::uint32_t>(value.size()), text_);
    text_ += value;
  }

  /// A number from 0 on, in the shortest form, as Python writes it.
  void natural(std::int64_t value) {
    if (value < 0x100) {
      text_ += 'K';
      append_little_endian(narrow<std::uint8_t>(value), text_);
    } else if (value < 0x10000) {
      text_ += 'M';
      append_little_endian(narrow<std::uint16_t>(value), text_);
    } else if (value < 0x8000'0000) {
      text_ += 'J';
      append_little_endian(narrow<std::uint32_t>(value), text_);
    } else {
      std::string bytes;
      append_little_endian(narrow<std::uint64_t>(value), bytes);
      while (bytes.back() == '\0' && static_cast<signed char>(bytes[bytes.size() - 2]) >= 0) {
        bytes.pop_back();
      }
      text_ += '\x8A';
      text_ += static_cast<char>(bytes.size());
      text_ += bytes;
    }
  }

  void naturals(const std::vector<std::int64_t>& values) {
    if (values.empty()) return op(")");
    op("(");
    for (const std::int64_t value : values) natural(value);
    op("t");
  }

  void empty_ordered_dict() {
    global("collections", "OrderedDict");
    op(")R");
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// Strides in elements. Sizes of 0 count as 1, as in torch.
std::vector<std::int64_t> row_major_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

void put_tensor(const Tensor& tensor, std::size_t key, const KnownGlobal& type,
                PickleWriter& pickle) {
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.op("((");
  pickle.text("storage");
  pickle.global(type.module, type.name);
  pickle.text(std::to_string(key));
  pickle.text("cpu");
  pickle.natural(tensor.numel());
  pickle.op("tQ");
  pickle.natural(0);  // offset
  pickle.naturals(tensor.shape());
  pickle.naturals(row_major_strides(tensor.shape()));
  pickle.op("\x89");            // requires_grad: False
  pickle.empty_ordered_dict();  // hooks
  pickle.op("tR");
}

std::string make_pickle(const std::vector<OutputTensor>& tensors) {
  require_writable(tensors);
  PickleWriter pickle;
  pickle.op("\x80\x02");
  pickle.empty_ordered_dict();
  std::size_t key = 0;
  for (const auto& [name, tensor, dtype] : tensors) {
    const KnownGlobal* type = find_storage_global(dtype);
    if (type == nullptr) {
      throw UnsupportedError(fmt::format("tensor '{}'", printable(name)),
                             fmt::format("dtype {} is unsupported in .bin files", to_string(dtype)),
                             advice("write safetensors, or convert the tensor"));
    }
    pickle.text(name);
    put_tensor(tensor, key++, *type, pickle);
    pickle.op("s");
  }
  pickle.op(".");
  return pickle.take();
}

/// The file but for the tensors' elements.
struct TorchPlan {
  std::string pickle;
  ZipWriter zip;
};

TorchPlan make_plan(const std::string& where, const std::vector<OutputTensor>& tensors) {
  TorchPlan plan;
  plan.pickle = plan_output(where, [&] { return make_pickle(tensors); });
  plan.zip.add("archive/data.pkl", plan.pickle.size());
  plan.zip.add("archive/byteorder", kByteOrder.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    plan.zip.add(fmt::format("archive/data/{}", i), stored_bytes(tensors[i]));
  }
  plan.zip.add("archive/version", kVersion.size());
  return plan;
}

void write_plan(TorchPlan& plan, const std::vector<OutputTensor>& tensors, OutputSink& output) {
  std::size_t record = 0;
  const auto append_text = [&](std::string_view text) {
    output.append(plan.zip.local_header(record++, crc32(std::as_bytes(std::span(text)))));
    output.append(text);
  };
  append_text(plan.pickle);
  append_text(kByteOrder);
  for (const OutputTensor& tensor : tensors) {
    output.append(plan.zip.local_header(record++, stored_crc32(tensor)));
    append_elements(tensor, output);
  }
  append_text(kVersion);
  output.append(plan.zip.directory());
  output.close();
}

}  // namespace

std::uint64_t torch_file_bytes(const std::vector<OutputTensor>& tensors) {
  return make_plan(kOutputStream, tensors).zip.total_bytes();
}

void write_torch(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress) {
  TorchPlan plan = make_plan(shown(path), tensors);
  OutputFile file(path, plan.zip.total_bytes(), progress);
  write_plan(plan, tensors, file);
}

void write_torch(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                 const WriteProgress& progress) {
  TorchPlan plan = make_plan(kOutputStream, tensors);
  OutputStream output(stream, plan.zip.total_bytes(), progress);
  write_plan(plan, tensors, output);
}

}  // namespace weightlift
