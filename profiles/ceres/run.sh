#!/bin/bash
# The controlling process as a batch job of its own: it continues after you log out. From the project's folder, with the
# profile of your cluster in place of CLUSTER:
#
#   profiles/CLUSTER/run.sh                       submit it; further arguments go to Snakemake (targets, --config …)
#   squeue --me --format='%.9i %.9T %.10M %j %k'  what runs
#   tail -f logs/zonalflow-JOB.log                its output
#   scancel --batch --signal=TERM JOB             end it and its jobs in order; submit it again to continue
#
# Account and partition are those of profile.yaml in the same folder; `sbatch --account=… profiles/CLUSTER/run.sh` works
# too.
#SBATCH --job-name=zonalflow
#SBATCH --time=7-00:00:00
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --output=logs/zonalflow-%j.log
#SBATCH --no-requeue
# ten minutes before its time is over it cancels its jobs and ends in order
#SBATCH --signal=B:TERM@600
set -euo pipefail

value() { # value KEY: its value in the profile
  sed -n "s/^ *$1: *\([^ #]*\).*/\1/p" "$profile/profile.yaml" | tr -d "\"'"
}

if [[ ${SLURM_JOB_NAME:-} == zonalflow ]]; then
  # SLURM runs a copy; it knows where the original lies
  original=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's/^ *Command=\([^ ]*\).*/\1/p')
  # Snakemake submits jobs of its own, which must not inherit what this one asked for
  for name in "${!SLURM_@}" "${!SBATCH_@}"; do
    [[ $name == SLURM_CONF ]] || unset "$name"
  done
  # `exec`: SLURM's signal goes to this very process
  exec snakemake --profile "$(dirname "$original")" "$@"
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
mkdir -p logs # without it, SLURM would lose what the job says
exec sbatch --account="$account" --partition="$(value slurm_partition)" "$profile/run.sh" "$@"
