#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "weightlift/conversion.h"
#include "weightlift/job/fetch.h"
#include "weightlift/progress.h"

namespace weightlift {

struct Account;

/// Publishes the folders of one job, with one token and one account.
class Publisher {
 public:
  /// Both outlive the publisher.
  Publisher(Fetcher& fetcher, ProgressSink& progress);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// The repository for a folder, OWNER/NAME. Asks the Hub for the account once. Throws UsageError
  /// for the options, and HubError (kAuth) where the account shows that the Hub would refuse.
  std::string choose(const PublishOptions& options, const std::string& folder_name);

  /// The same without a request: NAME alone where only the Hub knows the account. Throws HubError
  /// (kAuth) where there is no token.
  std::string plan(const PublishOptions& options, const std::string& folder_name);

  /// A verified folder, in one commit. `license`: of the weights, where the caller knows more than
  /// the folder.
  Publication publish(const std::filesystem::path& folder, const std::string& repo_id,
                      const PublishOptions& options, const std::string& license);

 private:
  Fetcher& fetcher_;
  ProgressSink& progress_;
  std::unique_ptr<const Account> account_;
};

}  // namespace weightlift
