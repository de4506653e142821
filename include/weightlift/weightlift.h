#pragma once

// Layer: job

/// @file
/// All public headers.

#include "weightlift/checkpoint.h"
#include "weightlift/comparison.h"
#include "weightlift/conversion.h"
#include "weightlift/error.h"
#include "weightlift/hub.h"
#include "weightlift/image.h"
#include "weightlift/jobs.h"
#include "weightlift/models.h"
#include "weightlift/number.h"
#include "weightlift/predict.h"
#include "weightlift/progress.h"
#include "weightlift/state_dict.h"
#include "weightlift/tensor.h"
#include "weightlift/version.h"
