#pragma once

#include <filesystem>

namespace weightlift::testing {

/// Writes certificates for tests, each with its key in one PEM file: "ca.pem", an authority; signed
/// by it "server.pem" for 127.0.0.1, "other_name.pem" for another host and "expired.pem"; and
/// "other_ca.pem", which signed none of them.
void write_certificates(const std::filesystem::path& folder);

}  // namespace weightlift::testing
