#pragma once

#include <string>
#include <string_view>

// URLs are read here, as browsers read them (https://url.spec.whatwg.org), and not by libcurl,
// whose versions differ in what they accept. libcurl gets what `request_url` and `resolve_url`
// return: a form in which its versions agree, so that the host that is compared is the host that is
// asked.

namespace weightlift {

/// The text as a part of a URL: everything but ASCII letters, digits and "-._~" as %XX, and but '/'
/// with `keep_slashes`.
std::string percent_encode(std::string_view text, bool keep_slashes = false);

/// "https://host:443": scheme, host in lower case, and port, the default one filled in. Throws
/// HubError where `url` is no absolute http or https URL.
std::string origin_of(const std::string& url);

/// An absolute http or https URL as libcurl gets it: without fragment, and what no URL may hold as
/// %XX. The rest stays as it is, to the letter: it may be signed. Throws HubError where it is none.
std::string request_url(const std::string& url);

/// Where a reference found at `base` leads: absolute or relative, its query kept, a user name or
/// password in it dropped. Throws HubError where it is none, or leads out of http and https.
std::string resolve_url(const std::string& base, const std::string& reference);

/// For messages: without credentials, query (it may sign the URL) and fragment.
std::string shown_url(const std::string& url);

/// What is wrong with an endpoint's address, empty where nothing is.
std::string_view fault_of_endpoint(const std::string& url);

}  // namespace weightlift
