#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/export/model_folder.h"
#include "weightlift/models/model_config.h"
#include "weightlift/progress.h"

namespace weightlift {

/// Meta's license for the weights of SEER. The Hub does not list it: a card needs its address.
inline constexpr std::string_view kSeerLicense = "seer-license";
inline constexpr std::string_view kSeerTerms =
    "https://github.com/facebookresearch/vissl/blob/main/projects/SEER/MODEL_LICENSE.md";

/// Where the weights come from, as facts or as claims of the source's config.
struct Provenance {
  std::string source_name;  ///< name of the file or folder, without a path; the repository's id
  std::string commit;       ///< the repository's; empty: a local source
  std::string source_file;  ///< the weights file in the source
  std::string source_sha256;
  std::string architecture;    ///< "resnet50", empty for a lone file
  std::string tag;             ///< claimed or known
  Form form = Form::kTimm;     ///< of the source: kTorchvision is a lone file
  bool named_by_user = false;  ///< the user stated architecture and tag of a lone file
  /// The evidence that these are the tag's weights: "by the file's sha256"; empty: none, and the
  /// tag's facts are claims.
  std::string known_by;
  std::string license, base_model, origin_url;  ///< known, or stated by the user; else empty
  std::vector<std::string> datasets;
  std::string claimed_license, claimed_origin_url;  ///< by the source's config
  std::vector<std::string> paper_ids;
};

/// The verification of the written folder.
struct VerifiedFacts {
  bool verified = false;       ///< false: not verified
  std::size_t tensors = 0;     ///< compared bit by bit
  std::size_t operations = 0;  ///< nodes of the two equal graphs
  std::int64_t samples = 0;    ///< inputs whose outputs were compared
  std::uint64_t seed = 0;
  std::vector<std::int64_t> input_shape;
  double mean_abs = 0;  ///< average change of the outputs by rounded weights, across dtypes
  double max_abs = 0;   ///< largest change
  std::string outputs;  ///< "logits", or "last_hidden_state and pooler_output"
};

struct CardFacts {
  std::string name;  ///< of the folder
  ModelFolder folder;
  std::int64_t parameters = 0;
  DType source_dtype = DType::F32;
  Provenance provenance;
  VerifiedFacts verified;
  std::string labels_from;           ///< one phrase
  std::vector<std::string> ignored;  ///< the checkpoint's ignored tensors, one line per kind
  Notes notes;
};

/// The README.md of a model folder: front matter for the Hub, provenance, verification, and code
/// that loads the model. Contains no time, host or path, and marks claims as claims. The same facts
/// give the same bytes.
std::string make_model_card(const CardFacts& facts);

/// Where a card's code loads the model from: a Hub repository, else a local folder.
struct CardPlace {
  std::string folder = {};    ///< the name of the local folder
  std::string repo_id = {};   ///< "owner/name"
  std::string revision = {};  ///< a branch; empty: the default one
};

/// The card of a local folder, for its repository: title and code name the repository instead of
/// the folder, or of the repository that the folder came from. Changes only lines of
/// make_model_card that are unedited.
std::string place_model_card(std::string card, const CardPlace& place);

}  // namespace weightlift
