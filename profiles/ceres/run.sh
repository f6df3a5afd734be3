#!/bin/bash
# The controlling process as a batch job of its own: it continues after you log out. From the project's folder, with the
# profile of your cluster in place of CLUSTER:
#
#   profiles/CLUSTER/run.sh                       submit it; arguments go to Snakemake (targets, --config …)
#   squeue --me --format='%.9i %.9T %.10M %j %k'  what runs
#   tail -f logs/zonalflow-JOB.log                its output
#   scancel --batch --signal=TERM JOB             end it and its jobs in order; submit it again to continue
#
# Account and partition are those of profile.yaml in the same folder. To choose others for this job alone:
# `sbatch --account=… --partition=… profiles/CLUSTER/run.sh`; its output is then slurm-JOB.out. profiles/atlas/run.sh is
# a link to profiles/ceres/run.sh.
#SBATCH --job-name=zonalflow
#SBATCH --time=7-00:00:00
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --no-requeue
# ten minutes before its time is over it cancels its jobs and ends in order
#SBATCH --signal=B:TERM@600
set -euo pipefail

value() { # value KEY: its value in the profile
  sed -n "s/^ *$1: *\([^ #]*\).*/\1/p" "$profile/profile.yaml" | tr -d "\"'"
}

# What the shell, or an allocation in which it runs, has set for other jobs must change neither this job nor those that
# Snakemake submits.
job=${SLURM_JOB_ID:-}
for name in "${!SLURM_@}" "${!SBATCH_@}"; do
  [[ $name == SLURM_CONF ]] || unset "$name"
done

if [[ ${0##*/} == slurm_script ]]; then # SLURM runs a copy of this name
  if [[ ${1:-} != --profile ]]; then # submitted by hand; SLURM knows where the original lies, and its arguments
    command=$(scontrol show job "$job" | sed -n 's/^ *Command=//p')
    [[ $# == 0 ]] || command=${command%" $*"}
    set -- --profile "$(dirname "$command")" "$@"
  fi
  exec snakemake "$@" # `exec`: SLURM's signal goes to this very process
fi

profile=$(cd "$(dirname "$0")" && pwd)
cd "$profile/../.."
account=$(value slurm_account)
if [[ -z $account || $account == YOUR_ACCOUNT ]]; then
  echo "zonalflow: no SLURM account is set. Set slurm_account in $profile/profile.yaml. Yours are listed by" >&2
  echo "    sacctmgr show associations where user=\$USER format=account%20" >&2
  exit 1
fi
command -v snakemake >/dev/null || { echo "zonalflow: there is no snakemake; activate its environment first" >&2; exit 1; }
version=$(snakemake --version)
if [[ $(printf '%s\n' 9.19 "$version" | sort -V | head -n 1) != 9.19 ]]; then
  echo "zonalflow: $(command -v snakemake) is Snakemake $version; 9.19 or newer is needed: activate its environment" >&2
  exit 1
fi
mkdir -p logs # without it, SLURM would lose the output
exec sbatch --account="$account" --partition="$(value slurm_partition)" --output=logs/zonalflow-%j.log \
  "$profile/run.sh" --profile "$profile" "$@"
