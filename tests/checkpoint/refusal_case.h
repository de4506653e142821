#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace weightlift::testing {

/// Bytes that a reader refuses, and a part of its message.
struct Refusal {
  std::string name;
  std::string bytes;
  std::string reason;
};

inline void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

inline std::string case_name(const ::testing::TestParamInfo<Refusal>& info) {
  return info.param.name;
}

}  // namespace weightlift::testing
