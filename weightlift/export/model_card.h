#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/export/model_folder.h"
#include "weightlift/models/resnet_config.h"

namespace weightlift {

/// What the card says of where the weights come from: as facts, or as what the source's config
/// claims.
struct Provenance {
  std::string source_name;  ///< name of the file or folder, without a path; the repository's id
  std::string commit;       ///< of the repository; empty: a local source
  std::string source_file;  ///< the weights file in it
  std::string source_sha256;
  std::string architecture;    ///< "resnet50", empty for a lone file
  std::string tag;             ///< claimed or known
  Form form = Form::kTimm;     ///< of the source: kTorchvision is a lone file
  bool named_by_user = false;  ///< architecture and tag are the user's word for a lone file
  std::string known_by;  ///< how it is known that these are the tag's weights, so that its facts
                         ///< are facts: "by the file's sha256"; empty: it is not
  std::string license, base_model, origin_url;  ///< facts where known or given by flag, else empty
  std::vector<std::string> datasets;
  std::string claimed_license, claimed_origin_url;  ///< what the config says of itself
  std::vector<std::string> paper_ids;
};

/// What was proved of the written folder.
struct VerifiedFacts {
  bool verified = false;       ///< false: not asked for
  std::size_t tensors = 0;     ///< compared bit by bit
  std::size_t operations = 0;  ///< nodes of the two equal graphs
  std::int64_t samples = 0;    ///< inputs whose outputs were compared
  std::uint64_t seed = 0;
  std::vector<std::int64_t> input_shape;
  double mean_abs = 0;  ///< the same on average
  double max_abs = 0;   ///< across dtypes: what the rounding of weights changed in the outputs
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
  std::vector<std::string> ignored;  ///< the checkpoint's tensors that are not in the folder
  std::vector<std::string> notes;
};

/// The README.md of a model folder: front matter for the Hub, provenance, what was verified, how to
/// load it. Says nothing of time, host or paths; what is only claimed is said to be claimed. The
/// same facts give the same bytes.
std::string make_model_card(const CardFacts& facts);

/// Where a card's model is loaded from: a repository of the Hub, or else a local folder.
struct CardPlace {
  std::string folder = {};    ///< the name of the local folder
  std::string repo_id = {};   ///< "owner/name"
  std::string revision = {};  ///< a branch; empty: the default one
};

/// The card of a local folder as its repository shows it: title and code name the repository in
/// place of the folder, or of the repository that the folder came from. Changes only lines that
/// make_model_card wrote and that still are as it wrote them.
std::string place_model_card(std::string card, const CardPlace& place);

}  // namespace weightlift
