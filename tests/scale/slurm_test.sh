#!/usr/bin/env bash
# Runs examples/scale/slurm.sbatch on a Slurm cluster of two nodes, one of which is killed at work.
# usage, as root on a system made for it: slurm_test.sh SHARED SHIM
#   SHARED   folder with manifest.jsonl and what it names (make_zoo.py), and slurm.sbatch
#   SHIM     tests/cli/shared_folder_shim.cpp as a library: the nodes do not share locks
# `weightlift` is in PATH; the packages are slurmctld, slurmd, slurm-client and munge.
set -euo pipefail
shared=$1
shim=$2
items=$(wc -l <"$shared/manifest.jsonl")
tasks=4
declare -A machine  # node -> PID of its `unshare`

fail() {
  echo "slurm_test: error: $1" >&2
  tail -n 8 /var/log/slurm/slurm*.log "$shared"/*/*.log >&2 2>/dev/null || true
  exit 1
}

# until_true SECONDS WHAT COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  until "${@:3}"; do
    [ "$SECONDS" -lt "$end" ] || fail "$2: not after $1 s"
    sleep 0.02
  done
}

say() { printf 'slurm_test: %5.1f s: %s\n' "$(elapsed "$started")" "$1"; }
now() { date +%s%N; }
elapsed() { echo "$(($(now) - $1))e-9"; }

as_user() { runuser -u user -- "$@"; }

# The nodes are of this one machine: no cgroups, and more memory than it may have. Slurm finds a lost node after some
# 30 s instead of 300 (SlurmdTimeout), and runs its task again after 5 s instead of 120 (cred_expire).
configure() {
  local host
  host=$(hostname -s)
  cat >/etc/slurm/slurm.conf <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthInfo=cred_expire=5
SlurmdTimeout=5
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
KillWait=2
ReturnToService=2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
JobCompType=jobcomp/filetxt
JobCompLoc=/var/log/slurm/finished.log
MailProg=/bin/true
StateSaveLocation=/var/spool/slurmctld
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdSpoolDir=/var/spool/slurmd.%n
SlurmdPidFile=/run/slurmd.%n.pid
SlurmdLogFile=/var/log/slurm/slurmd.%n.log
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=6818 CPUs=1 RealMemory=8192
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=6819 CPUs=1 RealMemory=8192
PartitionName=all Nodes=ALL Default=YES
CONF
  echo 'CgroupPlugin=cgroup/v1' >/etc/slurm/cgroup.conf
  mkdir -p /var/spool/slurmctld /var/log/slurm /run/munge
  chown munge: /run/munge
  useradd --create-home user
  chown -R user: "$shared"
}

# start_node NODE: processes with PIDs and a boot id of their own, as on another machine.
start_node() {
  cat /proc/sys/kernel/random/uuid >"/run/$1.boot_id"
  unshare --mount --propagation unchanged --pid --fork --kill-child bash -c '
    mount -t proc proc /proc
    mount --bind "/run/$1.boot_id" /proc/sys/kernel/random/boot_id
    slurmd -D -N "$1"
    exit' node "$1" >"/var/log/slurm/$1.out.log" 2>&1 &
  machine[$1]=$!
}

nodes_idle() { [ "$(sinfo -h -o '%t %D' 2>/dev/null)" = "idle 2" ]; }

# folders_of NODE: the temporary folders of its processes.
folders_of() {
  local boot_id
  boot_id=$(tr -d - <"/run/$1.boot_id")
  find models -maxdepth 1 -name ".*.weightlift-${boot_id:0:12}-*"
}

# work_of NODE: the weightlift process on it.
work_of() {
  local init space pid
  init=$(cut -d ' ' -f 1 "/proc/${machine[$1]}/task/${machine[$1]}/children")
  space=$(readlink "/proc/$init/ns/pid")
  for pid in $(grep -lx weightlift /proc/[0-9]*/comm 2>/dev/null | cut -d / -f 3); do
    [ "$(readlink "/proc/$pid/ns/pid")" != "$space" ] || echo "$pid"
  done
}

# at_work NODE: stops its process at a moment when it has a temporary folder.
at_work() {
  local pid
  pid=$(work_of "$1")
  kill -STOP "$pid" 2>/dev/null || return 1
  while grep -q '^State:.[RSD]' "/proc/$pid/status" 2>/dev/null; do sleep 0.01; done
  [ -z "$(folders_of "$1")" ] || return 0
  kill -CONT "$pid"
  return 1
}

count_models() { find models -mindepth 1 -maxdepth 1 -name '[!.]*' 2>/dev/null | wc -l; }
has_models() { [ "$(count_models)" -ge "$1" ]; }

# finished JOB: and what is left of it is not to run again.
finished() { [ -z "$(squeue -h -j "$1" -t PENDING,RUNNING,COMPLETING,CONFIGURING,REQUEUED 2>/dev/null)" ]; }

# submit: the commands that slurm.sbatch shows. Sets `job` and `merge`, their ids.
submit() {
  local printed
  printed=$(as_user env "$@" bash -euc \
    "$(sed -n 's/^#   //p' slurm.sbatch)"'; echo "job $job"')
  job=$(sed -n 's/^job //p' <<<"$printed")
  merge=$(sed -n 's/^Submitted batch job //p' <<<"$printed")
  [ -n "$job" ] && [ -n "$merge" ] || fail "sbatch printed: $printed"
}

# ended JOB: the states and exit codes of its tasks, each once.
ended() { scontrol show job "$1" | grep -oE '(JobState|ExitCode)=[A-Z0-9:]+' | sort -u | tr '\n' ' '; }

# expect WHAT EXPECTED GOT
expect() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }

# merged KEY: a number of the merged report.
merged() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" merged.json | head -n 1; }

# show_files: each file of the models and of their records, its inode and times.
show_files() { find models -mindepth 1 -not -name '*.plan.json' -type f -printf '%p %i %T@ %C@\n' | sort; }

# sum_of_tasks: how many items the tasks of `job` converted, found up to date, and failed.
sum_of_tasks() {
  cat weightlift-"$job"_*.log |
    sed -n 's/.*: \([0-9]*\) converted.*, \([0-9]*\) up to date, \([0-9]*\) failed in .*/\1 \2 \3/p' |
    awk '{ converted += $1; already += $2; failed += $3 } END { print converted, already, failed }'
}

check_models() {
  local source
  expect "model folders" "$items" "$(count_models)"
  as_user weightlift batch --merge models --json >merged.json || fail "the merge ended with $?: $(cat merged.json)"
  expect "items of the merge" "$items" "$(merged items)"
  expect "failed items" 0 "$(merged failed)"
  expect "missing items" 0 "$(merged missing)"
  for source in zoo/*; do
    as_user weightlift verify -q "$source" "models/${source#zoo/}" >verify.txt 2>&1 ||
      fail "$source: verify ended with $?: $(cat verify.txt)"
  done
}

# clean: the temporary folders that --clean keeps.
clean() {
  as_user weightlift batch --merge models --clean >cleaned.txt || fail "--clean ended with $?: $(cat cleaned.txt)"
  find models -mindepth 1 -maxdepth 1 -name '.*.weightlift-*'
}

# check_run NAME [VARIABLE=VALUE]: in a folder of this name.
check_run() {
  local left before started killed
  mkdir "$shared/$1"
  cd "$shared/$1"
  cp ../manifest.jsonl .
  sed "s/^#SBATCH --array=.*/#SBATCH --array=0-$((tasks - 1))/" ../slurm.sbatch >slurm.sbatch
  ln -s ../zoo zoo
  chown -R user: .
  until_true 60 "both nodes idle" nodes_idle

  started=$(now)
  submit "${@:2}"
  until_true 60 "some models" has_models 20
  until_true 60 "node n2 at work" at_work n2
  left=$(folders_of n2)
  [ $# = 1 ] || grep -q "$shim" "/proc/$(work_of n2)/maps" || fail "the shim is not loaded"
  kill -KILL "${machine[n2]}"
  wait "${machine[n2]}" 2>/dev/null || true
  killed=$(now)
  say "$1: killed node n2 at $(count_models) models"
  until_true 300 "the array finished" finished "$job"
  until_true 60 "the merge finished" finished "$merge"
  say "$1: the array and the merge finished, $(printf '%.1f' "$(elapsed "$killed")") s after the kill"
  expect "the array" "ExitCode=0:0 JobState=COMPLETED " "$(ended "$job")"
  expect "the merge" "ExitCode=0:0 JobState=COMPLETED " "$(ended "$merge")"
  grep -q 'Restarts=1' <(scontrol show job "$job") || fail "no task was requeued"
  check_models
  expect "temporary folders" "$left" "$(find models -mindepth 1 -maxdepth 1 -name '.*' -not -name .batch)"
  say "$1: $(merged converted) converted, $(merged already) already; all verified"

  start_node n2
  until_true 60 "both nodes idle" nodes_idle
  before=$(show_files)
  started=$(now)
  submit "${@:2}"
  until_true 120 "the merge finished" finished "$merge"
  say "$1: the second array and merge finished"
  expect "the second array" "ExitCode=0:0 JobState=COMPLETED " "$(ended "$job")"
  expect "the second merge" "ExitCode=0:0 JobState=COMPLETED " "$(ended "$merge")"
  check_models
  expect "files" "$before" "$(show_files)"
  expect "converted, up to date and failed" "0 $items 0" "$(sum_of_tasks)"
  # --clean removes the folder of the killed node, but only a day later.
  expect "temporary folders after --clean" "$left" "$(clean)"
  find models -path 'models/.*.weightlift-*' -exec touch -d '25 hours ago' {} +
  expect "temporary folders a day later" "" "$(clean)"
}

[ ! -e /etc/slurm/slurm.conf ] || { echo "slurm_test: error: this system already has a cluster" >&2; exit 1; }
configure
runuser -u munge -- munged
slurmctld
start_node n1
start_node n2
check_run locks
check_run no-locks LD_PRELOAD="$shim"
