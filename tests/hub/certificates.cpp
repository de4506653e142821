#include "tests/hub/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace weightlift::testing {

namespace {

template <class Thing, void (*kFree)(Thing*)>
struct Freed {
  void operator()(Thing* thing) const { kFree(thing); }
};
template <class Thing, void (*kFree)(Thing*)>
using Owned = std::unique_ptr<Thing, Freed<Thing, kFree>>;

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;

struct Identity {
  Key key;
  Certificate certificate;
};

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (X509_add_ext(certificate, extension.get(), -1) != 1) throw std::runtime_error("extension");
}

/// A certificate that ends after so many seconds. `signer`: null for an authority.
Identity make_identity(const std::string& name, const std::string& names, long seconds,
                       const Identity* signer) {
  constexpr long kDay = 86400;
  static long serial = 0;
  Identity made{Key(EVP_EC_gen("P-256")), Certificate(X509_new())};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const Identity& by = signer == nullptr ? made : *signer;
  X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate.get()));
  if (signer == nullptr) {
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign");
  } else {
    add_extension(certificate, by.certificate.get(), NID_subject_alt_name, names);
  }
  if (X509_sign(certificate, by.key.get(), EVP_sha256()) == 0) throw std::runtime_error("sign");
  return made;
}

void write(const std::filesystem::path& file, const Identity& identity) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(file.c_str(), "w"),
                                                            &std::fclose);
  if (PEM_write_X509(out.get(), identity.certificate.get()) != 1 ||
      PEM_write_PrivateKey(out.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    throw std::runtime_error("cannot write a certificate");
  }
}

}  // namespace

void write_certificates(const std::filesystem::path& folder) {
  constexpr long kHour = 3600;
  const std::string local = "IP:127.0.0.1";
  const Identity ca = make_identity("test authority", "", kHour, nullptr);
  write(folder / "ca.pem", ca);
  write(folder / "other_ca.pem", make_identity("other authority", "", kHour, nullptr));
  write(folder / "server.pem", make_identity("server", local, kHour, &ca));
  write(folder / "other_name.pem", make_identity("other", "DNS:hub.example", kHour, &ca));
  write(folder / "expired.pem", make_identity("expired", local, -kHour, &ca));
}

}  // namespace weightlift::testing
