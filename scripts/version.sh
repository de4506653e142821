# Sourced in the root: the version, and the time and commit of HEAD for what is built from it.
version=$(sed -n 's/^#define WEIGHTLIFT_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/weightlift/version.h | paste -sd .)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export WEIGHTLIFT_COMMIT=${WEIGHTLIFT_COMMIT:-$(git rev-parse HEAD)}
