#!/usr/bin/env bash
# Goes on with the run of this folder.
#   bash train.sh [one]        one process, on a GPU where there is one
#   bash train.sh ddp 4        four GPUs, each with all of both models (LoRA on bases of up to some 3 billion parameters)
#   bash train.sh fsdp2 8      eight GPUs that share every layer out (larger bases, whole models)
#   bash train.sh zero3 8      the same by DeepSpeed, which is to be installed besides
# What follows goes to the runner: bash train.sh ddp 4 --steps 1000 --dtype bfloat16 --base /models/base (python -m runner train --help).
set -euo pipefail
cd "$(dirname "$0")"
mode=one
processes=1
case "${1:-}" in one | ddp | fsdp2 | zero3)
  mode=$1
  shift
  ;;
esac
if [ "$mode" != one ]; then
  processes=${1:?say how many processes take part: bash train.sh $mode 2}
  shift
fi
if [ "$mode" = one ]; then
  exec python -m runner train "$@"
fi
machine=()
if ! python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  # Told --cpu, accelerate would pass over the splitting without a word, and start one process.
  if [ "$mode" != ddp ]; then
    echo "accelerate splits models over GPUs alone, and torch finds none here. Processes on CPU take ddp: bash train.sh ddp $processes" >&2
    exit 1
  fi
  machine=(--cpu)
fi
exec python -m accelerate.commands.launch --config_file "launch/$mode.yaml" "${machine[@]}" --num_processes "$processes" --module runner train "$@"
