#!/usr/bin/env bash
# The cost of each plan on four videos, beside ffmpeg decoding all of the same with the same threads.
#   run.sh BUILD_DIRECTORY [WORK_DIRECTORY]
# The videos show four large pictures in turn (wallpapers of installed Debian packages such as mate-backgrounds, or
# generated ones where there are none), each panned by a few pixels a frame, with light noise. RUNS and THREADS in the
# environment change the number of runs (the median counts) and of threads. SHORT=1 makes a quarter of each video,
# NAMES chooses among h264_1080p.mp4 h264_2160p.mp4 vp9_1080p.webm hevc_1080p.mp4. Behind the table: the time for two
# videos at once, one thread each, beside that of one with two threads, twice.
set -euo pipefail
build=${1:?usage: run.sh BUILD_DIRECTORY [WORK_DIRECTORY]}
work=${2:-$build/video_bench}
runs=${RUNS:-3}
threads=${THREADS:-1}
names=${NAMES:-h264_1080p.mp4 h264_2160p.mp4 vp9_1080p.webm hevc_1080p.mp4}
part=$([ "${SHORT:-0}" = 1 ] && echo 4 || echo 1)
mkdir -p "$work"

pictures() {
  find /usr/share/backgrounds /usr/share/wallpapers -type f \( -name '*.jpg' -o -name '*.png' \) -size +300k 2>/dev/null |
    sort | head -n 4
}
mapfile -t found < <(pictures)
while [ "${#found[@]}" -lt 4 ]; do
  file="$work/generated_${#found[@]}.png"
  [ -s "$file" ] || convert -size 960x600 -seed "$((${#found[@]} + 5))" plasma:fractal -resize 400% "$file"
  found+=("$file")
done

# pan FILE WIDTH HEIGHT SECONDS ENCODER…: four pictures, each for a quarter of the time.
pan() {
  local file=$1 width=$2 height=$3 seconds=$(($4 / part)) i inputs=() filter=''
  shift 4
  [[ ! -s "$file" && " $names " == *" $(basename "$file") "* ]] || return 0
  for i in 0 1 2 3; do
    inputs+=(-loop 1 -framerate 30 -t "$(echo "$seconds / 4" | bc -l)" -i "${found[$i]}")
    filter+="[$i:v]scale=$((width + 640)):$((height + 360)):force_original_aspect_ratio=increase,"
    filter+="crop=$width:$height:x='mod(n*2,600)':y='mod(n,340)',setsar=1,format=yuv420p[p$i];"
  done
  filter+="[p0][p1][p2][p3]concat=n=4:v=1,noise=alls=4:allf=t[v]"
  ffmpeg -v error -nostdin -y "${inputs[@]}" -filter_complex "$filter" -map '[v]' -r 30 "$@" "$work/unfinished_${file##*/}"
  mv "$work/unfinished_${file##*/}" "$file"
}
pan "$work/h264_1080p.mp4" 1920 1080 60 -c:v libx264 -preset fast -b:v 6M -g 250
pan "$work/h264_2160p.mp4" 3840 2160 20 -c:v libx264 -preset veryfast -b:v 20M -g 250
pan "$work/vp9_1080p.webm" 1920 1080 20 -c:v libvpx-vp9 -deadline realtime -cpu-used 6 -b:v 4M
pan "$work/hevc_1080p.mp4" 1920 1080 32 -c:v libx265 -preset ultrafast -b:v 4M -x265-params log-level=none

# Processor seconds of a command's children.
baseline() {
  local before after self=$BASHPID
  before=$(awk '{print $16 + $17}' "/proc/$self/stat")
  ffmpeg -v error -nostdin -threads "$threads" -i "$1" -map 0:v -f null - < /dev/null
  after=$(awk '{print $16 + $17}' "/proc/$self/stat")
  echo "scale=3; ($after - $before) / $(getconf CLK_TCK)" | bc
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

printf '%-16s %9s' video ffmpeg
printf ' %20s' exact adaptive fast
echo '   (processor seconds, ratio to ffmpeg, peak MiB)'
for name in $names; do
  file=$work/$name
  declare -A costs=()
  for _ in $(seq "$runs"); do
    costs[ffmpeg]+="$(baseline "$file")"$'\n'
    for plan in exact adaptive fast; do
      line=$("$build/bench/video/video_cost" "$file" "$plan" "$threads")
      cpu=${line#*\"cpu\":}
      peak=${line#*\"peak_mib\":}
      costs[$plan]+="${cpu%%,*}"$'\n'
      costs[$plan.peak]=${peak%%\}*}
    done
  done
  full=$(printf '%s' "${costs[ffmpeg]}" | median)
  printf '%-16s %9.2f' "$(basename "$file")" "$full"
  for plan in exact adaptive fast; do
    cost=$(printf '%s' "${costs[$plan]}" | median)
    printf ' %7.2f %6.3f %5d' "$cost" "$(echo "$cost / $full" | bc -l)" "${costs[$plan.peak]}"
  done
  echo
done

# wall COMMAND…: seconds by the clock.
wall() {
  local start
  start=$(date +%s.%N)
  "$@" > /dev/null
  echo "$(date +%s.%N) - $start" | bc
}
two_at_once() {
  "$build/bench/video/video_cost" "$1" exact 1 &
  "$build/bench/video/video_cost" "$1" exact 1
  wait $!
}
printf '\n%-16s %14s %18s\n' video 'two at once' 'twice, 2 threads'
for name in $names; do
  once='' twice=''
  for _ in $(seq "$runs"); do
    once+="$(wall two_at_once "$work/$name")"$'\n'
    twice+="$(echo "2 * $(wall "$build/bench/video/video_cost" "$work/$name" exact 2)" | bc)"$'\n'
  done
  printf '%-16s %12.2f s %16.2f s\n' "$name" "$(printf '%s' "$once" | median)" "$(printf '%s' "$twice" | median)"
done
