#include "weightlift/hub/certificates.h"

#include <system_error>
#include <utility>

#include "weightlift/base/posix.h"

namespace weightlift {

namespace fs = std::filesystem;

Certificates certificates_of_environment() {
  if (std::string file = environment_variable("SSL_CERT_FILE"); !file.empty())
    return {std::move(file), ""};
  if (std::string folder = environment_variable("SSL_CERT_DIR"); !folder.empty())
    return {"", std::move(folder)};
  for (const char* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
    std::string bundle = environment_variable(name);
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
