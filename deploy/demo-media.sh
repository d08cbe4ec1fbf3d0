#!/usr/bin/env bash
# Makes the quickstart's pictures and clips with FFmpeg: generated patterns, nothing else.
#   deploy/demo-media.sh DIRECTORY
# original.jpg goes on the demonstration list; the rest is scanned. Does nothing if all are there.
set -euo pipefail
out=${1:?usage: deploy/demo-media.sh DIRECTORY}
[ -e "$out/complete" ] && [ "$out/complete" -nt "${BASH_SOURCE[0]}" ] && exit 0
mkdir -p "$out"
rm -f "$out/complete"
make() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }
one_frame=(-frames:v 1 -update 1)

# A detail of the Mandelbrot set: structure at every scale, so that PDQ has something to hold on to.
make -f lavfi -i "mandelbrot=size=1024x768:start_x=-0.7436:start_y=-0.1318:start_scale=0.02:maxiter=600" \
  "${one_frame[@]}" -q:v 2 "$out/original.jpg"
cp "$out/original.jpg" "$out/copy.jpg"
make -i "$out/original.jpg" "${one_frame[@]}" -q:v 18 "$out/recompressed.jpg"
make -i "$out/original.jpg" -vf scale=400:300 "${one_frame[@]}" "$out/resized.png"
make -i "$out/original.jpg" -vf format=gray "${one_frame[@]}" -q:v 3 "$out/greyscale.jpg"
make -i "$out/original.jpg" -vf hflip "${one_frame[@]}" -q:v 3 "$out/mirrored.jpg"
make -i "$out/original.jpg" -vf transpose=clock "${one_frame[@]}" -q:v 3 "$out/rotated.jpg"
# Interfering waves, unlike the above in every orientation.
make -f lavfi -i "color=c=gray:size=1024x768,format=gray,geq=lum='128+38*sin(X/61+Y/97)+33*sin(X*Y/52000)+29*cos(X/173-Y/43)+24*sin(hypot(X-700,Y-200)/31)'" \
  "${one_frame[@]}" -q:v 3 "$out/unrelated.jpg"
# Ten seconds of a moving test pattern; from 4 s to 6 s the original is shown.
make -f lavfi -i "testsrc2=size=640x480:rate=25:duration=4" -loop 1 -framerate 25 -t 2 -i "$out/original.jpg" \
  -f lavfi -i "testsrc2=size=640x480:rate=25:duration=8,trim=start=4,setpts=PTS-STARTPTS" \
  -filter_complex "[1:v]scale=640:480,setsar=1,fps=25[known];[0:v]setsar=1[before];[2:v]setsar=1[after];[before][known][after]concat=n=3,format=yuv420p" \
  -c:v libx264 -preset veryfast -crf 23 "$out/clip.mp4"
# The first third of a file that was cut off in transfer.
head -c $(($(stat -c %s "$out/unrelated.jpg") / 3)) "$out/unrelated.jpg" >"$out/broken.jpg"
touch "$out/complete"
