#pragma once

#include <string>
#include <string_view>

// This code reads URLs as browsers do (https://url.spec.whatwg.org). Versions of libcurl differ in
// what they accept: libcurl gets only the results of `request_url` and `resolve_url`, on which they
// agree. So the host that weightlift compares is the host that libcurl contacts.

namespace weightlift {

/// The text as a part of a URL: all bytes as %XX except ASCII letters, digits, "-._~" and, with
/// `keep_slashes`, '/'.
std::string percent_encode(std::string_view text, bool keep_slashes = false);

/// "https://host:443": scheme, host in lower case, and port (the default one if missing). Throws
/// HubError where `url` is not an absolute http or https URL.
std::string origin_of(const std::string& url);

/// An absolute http or https URL for libcurl: without fragment, and with invalid characters as %XX.
/// The rest stays unchanged: the URL may be signed. Throws HubError for other URLs.
std::string request_url(const std::string& url);

/// The URL of a reference at `base`, absolute or relative, with its query, without user name and
/// password. Throws HubError where it is not an http or https URL.
std::string resolve_url(const std::string& base, const std::string& reference);

/// The URL for messages, without query (it may sign the URL) and fragment, and with *** for
/// credentials. Text that is not a URL is cut there; with an '@' it is "(hidden URL)".
std::string shown_url(const std::string& url);

/// The fault of an endpoint's URL, "it has a user name"; empty where it has none.
std::string_view fault_of_endpoint(const std::string& url);

}  // namespace weightlift
