#pragma once

#include <string>
#include <string_view>

namespace weightlift {

/// This process, as other processes recognize it in a shared file system:
/// "BOOT-NAMESPACE-PID-START", with the kernel's boot id (12 hex digits), the inodes of the PID and
/// time namespaces, the PID, and the start time in ticks since the boot. "unknown-..." where /proc
/// does not show them.
std::string owner_tag();

/// Whether `text` has the form of an owner_tag().
bool is_owner_tag(std::string_view text);

enum class Owner {
  kAlive,
  kGone,     ///< a process of this boot and PID namespace, which ended
  kForeign,  ///< of another machine, boot or container: its state is unknown here
};

/// The state of the process with this owner_tag().
Owner find_owner(std::string_view tag);

}  // namespace weightlift
