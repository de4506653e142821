#include "weightlift/progress.h"

namespace weightlift {

ProgressSink& no_progress() {
  static ProgressSink sink;
  return sink;
}

}  // namespace weightlift
