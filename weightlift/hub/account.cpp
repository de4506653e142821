#include "weightlift/hub/account.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/secret.h"
#include "weightlift/base/text.h"
#include "weightlift/error.h"
#include "weightlift/hub/reply.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
  const Json* value = find_member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

/// Names of accounts on the Hub differ in more than the case of their letters.
bool is_same_name(const std::string& one, const std::string& other) {
  return ::strcasecmp(one.c_str(), other.c_str()) == 0;
}

std::vector<Account::Organization> read_organizations(const Json& reply) {
  std::vector<Account::Organization> organizations;
  const Json* list = find_member(reply, "orgs");
  if (list == nullptr || !list->is_array()) return organizations;
  for (const Json& entry : *list) {
    organizations.push_back({text_of(entry, "name"), text_of(entry, "roleInOrg")});
  }
  return organizations;
}

std::string read_token_role(const Json& reply) {
  const Json* auth = find_member(reply, "auth");
  const Json* token = auth != nullptr ? find_member(*auth, "accessToken") : nullptr;
  return token != nullptr ? text_of(*token, "role") : "";
}

[[noreturn]] void refuse(const std::string& where, std::string message, std::string what_to_do) {
  throw HubError(ErrorKind::kAuth, where, std::move(message), advice(std::move(what_to_do)));
}

}  // namespace

void require_token(const HubSettings& settings) {
  if (!settings.token.empty()) return;
  refuse("HF_TOKEN", "publishing needs a token, and there is none",
         "set HF_TOKEN, or log in with: hf auth login");
}

Account whoami(HttpClient& http) {
  require_token(http.settings());
  HttpRequest request;
  request.url = http.settings().endpoint + "/api/whoami-v2";
  const HttpResponse response = http.send(request);
  if (!response.ok()) throw_hub_error(request, response);
  const Json reply = parse_reply(response);
  std::string name = require_string(response, reply, "name");
  // It becomes a part of URLs and of results.
  if (without_secrets(name) != name) {
    throw_bad_reply(response, "name", "an account's name", printable(name));
  }
  return {std::move(name), read_organizations(reply), read_token_role(reply)};
}

void require_write_access(const Account& account, const RepoId& repo, bool pull_request) {
  constexpr const char* kRead = "read";
  if (account.token_role == kRead) {
    refuse("HF_TOKEN", fmt::format("the token of {} can only read", printable(account.name)),
           "use a token that can write");
  }
  const std::string owner = repo.owner();
  if (pull_request || is_same_name(owner, account.name)) return;
  const auto organization = std::ranges::find_if(
      account.organizations, [&](const auto& each) { return is_same_name(each.name, owner); });
  if (organization == account.organizations.end()) {
    std::vector<std::string> names;
    for (const auto& each : account.organizations) names.push_back(printable(each.name));
    refuse(repo.string(),
           fmt::format("the token's account {} cannot publish as {}; its organizations: {}",
                       printable(account.name), owner, names.empty() ? "none" : first_of(names)),
           "choose another owner, or open a pull request");
  }
  if (organization->role == kRead) {
    refuse(repo.string(),
           fmt::format("{} can only read in the organization {}", printable(account.name), owner),
           "ask its administrators for write access, or open a pull request");
  }
}

}  // namespace weightlift
