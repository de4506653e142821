#include "weightlift/hub/certificates.h"

#include <gtest/gtest.h>

#include "tests/hub/environment.h"
#include "tests/support/temp_dir.h"

namespace weightlift {
namespace {

using testing::TempDir;
using testing::write_file;

TEST(CertificatesTest, FindsTheFileOfEachDistribution) {
  for (const char* name :
       {"etc/ssl/certs/ca-certificates.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem", "etc/ssl/cert.pem"}) {
    const TempDir root;
    write_file(root / name, "certificates");
    EXPECT_EQ(certificates_of_system(root.path()), root / name);
  }
}

TEST(CertificatesTest, FindsNoneInABareSystem) {
  const TempDir root;
  write_file(root / "etc/ssl/certs/README", "a folder without the file");
  EXPECT_EQ(certificates_of_system(root.path()), "");
}

TEST(CertificatesTest, TakesAFolderFromTheVariablesOfRequests) {
  const TempDir folder;
  const testing::Environment variables({{"SSL_CERT_FILE", {}},
                                        {"SSL_CERT_DIR", {}},
                                        {"REQUESTS_CA_BUNDLE", folder.path().string()},
                                        {"CURL_CA_BUNDLE", {}}});
  const Certificates found = certificates_of_environment();
  EXPECT_EQ(found.file, "");
  EXPECT_EQ(found.folder, folder.path());
}

}  // namespace
}  // namespace weightlift
