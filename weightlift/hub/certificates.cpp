#include "weightlift/hub/certificates.h"

#include <cstdlib>
#include <system_error>
#include <utility>

namespace weightlift {

namespace fs = std::filesystem;

namespace {

std::string path_in(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Certificates certificates_of_environment() {
  if (std::string file = path_in("SSL_CERT_FILE"); !file.empty()) return {std::move(file), ""};
  if (std::string folder = path_in("SSL_CERT_DIR"); !folder.empty()) return {"", std::move(folder)};
  for (const char* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
    std::string bundle = path_in(name);
    std::error_code error;
    if (fs::is_directory(bundle, error)) return {"", std::move(bundle)};
    if (!bundle.empty()) return {std::move(bundle), ""};
  }
  return {};
}

std::string certificates_of_system(const fs::path& root) {
  for (const char* name : {
           "etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch
           "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora
           "etc/pki/tls/certs/ca-bundle.crt",                   // RHEL
           "etc/ssl/ca-bundle.pem",                             // SUSE
           "etc/ssl/cert.pem",                                  // Alpine
       }) {
    std::error_code error;
    fs::path file = root / name;
    if (fs::is_regular_file(file, error)) return file;
  }
  return "";
}

}  // namespace weightlift
