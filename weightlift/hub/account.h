#pragma once

#include <string>
#include <vector>

#include "weightlift/hub/http.h"
#include "weightlift/hub/repo_id.h"

namespace weightlift {

/// The account of a token, as the Hub describes it.
struct Account {
  struct Organization {
    std::string name;
    std::string role;  ///< "admin", "write", "contributor" or "read"; empty where it is unknown
  };
  std::string name;
  std::vector<Organization> organizations;
  std::string token_role;  ///< "read", "write" or "fineGrained"; empty where it is unknown
};

/// Throws HubError (kAuth) where there is no token.
void require_token(const HubSettings& settings);

/// The token's account ("whoami"). Throws HubError where the token is missing or invalid.
Account whoami(HttpClient& http);

/// Throws HubError (kAuth) where the account shows that the Hub would refuse to publish to the
/// repository: the token only reads, or the owner is neither the account nor one of its
/// organizations. `pull_request`: anyone may open one. Only the Hub knows the rights of a
/// fine-grained token.
void require_write_access(const Account& account, const RepoId& repo, bool pull_request);

}  // namespace weightlift
