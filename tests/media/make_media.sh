#!/usr/bin/env bash
# Makes the test media: harmless generated patterns in every format that Tamiz decodes.
#   make_media.sh DIRECTORY
# Wants ffmpeg, imagemagick, webp, libheif-examples and libavif-bin; what a missing tool would have made is named in
# DIRECTORY/missing.txt, and the tests say so. Nothing is made twice: remove DIRECTORY to begin anew.
set -euo pipefail
out=${1:?usage: make_media.sh DIRECTORY}
mkdir -p "$out"
cd "$out"
: > missing.txt
export LC_ALL=C

# make FILE COMMAND…: runs the command, which writes FILE, unless FILE is there already.
make() {
  local file=$1
  shift
  [ ! -s "$file" ] || return 0
  if ! "$@" > log.txt 2>&1; then
    rm -f "$file"
    echo "$file: $* failed: $(tail -n 1 log.txt)" >> missing.txt
  fi
}
ff() { ffmpeg -v error -nostdin -y "$@"; }

# --- Stills. The original is 640x480, odd.png has odd sides.
make original.png convert -size 640x480 -seed 11 plasma:fractal -blur 0x2 -fill 'rgb(40,90,30)' \
  -draw 'circle 180,170 240,220' -fill 'rgb(230,200,60)' -draw 'rectangle 380,60 560,230' \
  -fill 'rgb(20,20,60)' -draw 'polygon 330,460 470,290 600,450' -strip -depth 8 PNG24:original.png
make odd.png convert original.png -crop 333x251+40+30 +repage PNG24:odd.png

make baseline.jpg convert original.png -quality 90 -sampling-factor 2x2 baseline.jpg
make jpeg444.jpg convert original.png -quality 90 -sampling-factor 1x1 jpeg444.jpg
make progressive.jpg convert original.png -quality 90 -interlace JPEG progressive.jpg
make grey.jpg convert original.png -grayscale Rec601Luma -quality 90 grey.jpg
make cmyk.jpg convert original.png -colorspace CMYK -quality 90 cmyk.jpg
make odd.jpg convert odd.png -quality 90 odd.jpg
# Stored so that showing them by EXIF orientation N gives the original; the tests add the EXIF block.
turn=([1]='-rotate 0' [2]=-flop [3]='-rotate 180' [4]=-flip [5]=-transpose [6]='-rotate 270' [7]=-transverse [8]='-rotate 90')
for n in 1 2 3 4 5 6 7 8; do
  # shellcheck disable=SC2086
  make "stored_$n.jpg" convert original.png ${turn[$n]} +repage -quality 92 "stored_$n.jpg"
done
make stored_6.webp cwebp -quiet -q 90 stored_6.jpg -o stored_6.webp
make stored_6.tiff convert original.png -rotate 270 +repage -orient RightTop -compress none stored_6.tiff

make truecolour16.png convert original.png -depth 16 PNG48:truecolour16.png
make palette.png convert original.png -colors 200 PNG8:palette.png
make grey.png convert original.png -grayscale Rec601Luma -depth 8 -define png:color-type=0 grey.png
make grey16.png convert original.png -grayscale Rec601Luma -depth 16 -define png:color-type=0 -define png:bit-depth=16 grey16.png
make bilevel.png convert original.png -grayscale Rec601Luma -ordered-dither o8x8 -monochrome -define png:color-type=0 -define png:bit-depth=1 bilevel.png
make interlaced.png convert original.png -interlace PNG PNG24:interlaced.png
make opaque_alpha.png convert original.png PNG32:opaque_alpha.png
# Transparent in the lower half: over white it looks otherwise, its colours are the original's.
make alpha.png convert original.png -alpha set -channel A -fx 'j<240?1:0.1' +channel -define png:preserve-colormap PNG32:alpha.png
make alpha_reference.png convert alpha.png -background white -alpha remove -alpha off PNG24:alpha_reference.png
make palette_alpha.png convert original.png -colors 100 -alpha set -channel A -fx 'j<120?0:1' PNG8:palette_alpha.png
make odd_alpha.png convert odd.png PNG24:odd_alpha.png

make still.gif convert original.png still.gif
make rgb.bmp convert original.png -type TrueColor BMP3:rgb.bmp
make palette.bmp convert original.png -colors 200 -type Palette BMP3:palette.bmp
make none.tiff convert original.png -compress none none.tiff
make lzw.tiff convert original.png -compress LZW lzw.tiff
make zip.tiff convert original.png -compress Zip zip.tiff
make rgb16.tiff convert original.png -depth 16 -compress none rgb16.tiff
make grey.tiff convert original.png -grayscale Rec601Luma -compress LZW grey.tiff
make pages.tiff convert odd.png original.png -compress LZW pages.tiff
make lossy.webp cwebp -quiet -q 90 original.png -o lossy.webp
make lossless.webp cwebp -quiet -lossless original.png -o lossless.webp
make alpha.webp cwebp -quiet -q 95 -exact alpha.png -o alpha.webp
make odd.webp cwebp -quiet -q 90 odd.png -o odd.webp

make still.heic heif-enc -q 90 original.png -o still.heic
make odd.heic heif-enc -q 90 odd.png -o odd.heic
make alpha.heic heif-enc -q 90 alpha.png -o alpha.heic
make two.heic heif-enc -q 90 original.png odd.png -o two.heic
make still.avif avifenc -c aom -s 9 --min 5 --max 10 original.png still.avif
make limited.avif avifenc -c aom -s 9 --min 5 --max 10 -r limited original.png limited.avif
make deep.avif avifenc -c aom -s 9 --min 5 --max 10 -d 10 truecolour16.png deep.avif
make alpha.avif avifenc -c aom -s 9 --min 5 --max 10 alpha.png alpha.avif
make turned.avif avifenc -c aom -s 9 --min 5 --max 10 --irot 3 stored_6.jpg turned.avif
make identity.avif avifenc -c aom -s 9 --min 5 --max 10 --cicp 1/13/0 -y 444 original.png identity.avif
# A grid of 2x2 cells of 320x240: a decoder that takes one cell for the picture shows a quarter of it.
for cell in 0+0 320+0 0+240 320+240; do
  make "cell_${cell/+/_}.png" convert original.png -crop "320x240+$cell" +repage "PNG24:cell_${cell/+/_}.png"
done
make grid.avif avifenc -c aom -s 9 --min 5 --max 10 --grid 2x2 cell_0_0.png cell_320_0.png cell_0_240.png cell_320_240.png grid.avif

# --- Animations: 10 frames of the original moving, and 100 frames whose one frame 70 shows something else for long.
for i in 0 1 2 3 4 5 6 7 8 9; do
  make "frame_$i.png" convert original.png -roll "+$((i * 24))+$((i * 12))" -crop 320x240+80+60 +repage "PNG24:frame_$i.png"
done
make moving.gif convert -delay 20 -loop 0 frame_?.png moving.gif
make moving_png.apng ff -framerate 5 -i frame_%d.png -plays 0 -f apng moving_png.apng
for i in 0 1 2 3 4 5 6 7 8 9; do make "frame_$i.webp" cwebp -quiet -q 90 "frame_$i.png" -o "frame_$i.webp"; done
webp_frames() { local i list=(); for i in 0 1 2 3 4 5 6 7 8 9; do list+=(-frame "frame_$i.webp" +200); done; webpmux "${list[@]}" -loop 0 -o moving.webp; }
make moving.webp webp_frames
avif_frames() { ff -framerate 5 -i frame_%d.png -pix_fmt yuv420p moving.y4m; avifenc -c aom -s 9 --min 5 --max 10 moving.y4m moving.avif; }
make moving.avif avif_frames
long_gif() {
  local i list=()
  for i in $(seq 0 99); do
    if [ "$i" -eq 70 ]; then list+=(-delay 200 frame_9.png); else list+=(-delay 2 frame_$((i % 2)).png); fi
  done
  convert "${list[@]}" -loop 0 long.gif
}
make long.gif long_gif
for i in 0 5; do make "see_through_$i.png" convert "frame_$i.png" -alpha set -channel A -fx 'j<90?0:1' "PNG32:see_through_$i.png"; done
make transparent.gif convert -delay 20 -dispose background see_through_0.png see_through_5.png -loop 0 transparent.gif
make transparent_reference.png convert frame_5.png -fill white -draw 'rectangle 0,0 320,89' PNG24:transparent_reference.png

# --- Video: the original under a moving camera, 320x240, 25 frames a second, 3 s; reference.mkv is lossless.
camera() { ff -loop 1 -framerate 25 -i original.png -t 3 -vf "crop=320:240:x='30*t':y='20*t'" "$@"; }
make reference.mkv camera -c:v ffv1 -pix_fmt yuv420p reference.mkv
v() { local file=$1; shift; make "$file" ff -i reference.mkv "$@" "$file"; }
v h264.mp4 -c:v libx264 -preset veryfast -crf 18 -g 25
v h264_faststart.mov -c:v libx264 -preset veryfast -crf 18 -movflags +faststart
v h264_fragmented.mp4 -c:v libx264 -preset veryfast -crf 18 -g 25 -movflags frag_keyframe+empty_moov
v h264_10bit.mkv -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p10le
v h264_full.mp4 -c:v libx264 -preset veryfast -crf 18 -vf scale=out_range=full -color_range pc -pix_fmt yuvj420p
v h264.mkv -c:v libx264 -preset veryfast -crf 18
v h264.flv -c:v libx264 -preset veryfast -crf 18
v h264.ts -c:v libx264 -preset veryfast -crf 18
v h264.avi -c:v libx264 -preset veryfast -crf 18 -bf 0
v hevc.mp4 -c:v libx265 -preset ultrafast -crf 18 -x265-params log-level=none
v hevc.ts -c:v libx265 -preset ultrafast -crf 18 -x265-params log-level=none
v vp8.webm -c:v libvpx -b:v 2M -deadline realtime -cpu-used 8
v vp9.webm -c:v libvpx-vp9 -b:v 2M -deadline realtime -cpu-used 8
v av1.mkv -c:v libaom-av1 -crf 20 -cpu-used 8 -usage realtime
v av1.mp4 -c:v libaom-av1 -crf 20 -cpu-used 8 -usage realtime
v mpeg2.ts -c:v mpeg2video -q:v 3
v mpeg2.mpg -c:v mpeg2video -q:v 3
v mpeg1.mpg -c:v mpeg1video -q:v 3
v bare.m2v -c:v mpeg2video -q:v 3 -f mpeg2video
v mpeg4.avi -c:v mpeg4 -q:v 3
v mpeg4.mp4 -c:v mpeg4 -q:v 3
v prores.mov -c:v prores_ks -profile:v 2
v dnxhd.mov -c:v dnxhd -profile:v dnxhr_hq -pix_fmt yuv422p
v mjpeg.avi -c:v mjpeg -q:v 3 -pix_fmt yuvj420p
v theora.ogv -c:v libtheora -q:v 9
v flv1.flv -c:v flv -q:v 3
v wmv2.asf -c:v wmv2 -q:v 3
v rgb.avi -c:v ffvhuff -pix_fmt rgb24
make turned.mp4 ff -i h264.mp4 -c copy -metadata:s:v:0 rotate=90 turned.mp4
make two_tracks.mkv ff -i h264.mkv -loop 1 -framerate 5 -i odd.png -t 3 -map 0:v -map 1:v -c:v:0 copy -c:v:1 libx264 -pix_fmt yuv444p two_tracks.mkv
make with_sound.mp4 ff -i h264.mp4 -f lavfi -i sine=440 -shortest -c:v copy -c:a aac with_sound.mp4
# One picture that stays from 0.5 s to 4.5 s, between multiples of a second: variable frame rate.
slides() {
  printf "file '%s'\nduration %s\n" frame_0.png 0.4 frame_1.png 0.1 frame_9.png 4 frame_3.png 0.2 > slides.txt
  echo "file 'frame_3.png'" >> slides.txt
  ff -f concat -i slides.txt -vsync vfr -c:v libx264 -pix_fmt yuv420p slides.mkv
}
make slides.mkv slides
make encrypted.mp4 ff -i h264.mp4 -c copy -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8 encrypted.mp4
encrypt() { local file=$1; shift; ff -i h264.mp4 -c copy -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8 "$@" "$file"; }
make encrypted_fragments.mp4 encrypt encrypted_fragments.mp4 -movflags frag_keyframe+empty_moov+default_base_moof
make two_tracks.mp4 ff -i h264.mp4 -map 0:v -map 0:v -c copy two_tracks.mp4
# Its title has the length of what tests put in its place.
make titled.mkv ff -i h264.mkv -c copy -metadata:s:v:0 title=abcdefghijklmnopqrstuvwxyz0123456 titled.mkv

# --- Sound only, and sound with a cover picture.
make tone.mp3 ff -f lavfi -i sine=440:duration=2 -c:a libmp3lame tone.mp3
make tone.wav ff -f lavfi -i sine=440:duration=2 tone.wav
make tone.flac ff -f lavfi -i sine=440:duration=2 tone.flac
make tone.aac ff -f lavfi -i sine=440:duration=2 -c:a aac tone.aac
make tone.m4a ff -f lavfi -i sine=440:duration=2 -c:a aac -f mp4 tone.m4a
make tone.ogg ff -f lavfi -i sine=440:duration=2 -c:a libvorbis tone.ogg
make tone.mka ff -f lavfi -i sine=440:duration=2 -c:a aac tone.mka
make cover.mp3 ff -i tone.mp3 -i baseline.jpg -map 0:a -map 1:v -c copy -id3v2_version 3 cover.mp3
attach() { ff -i "$1" -i baseline.jpg -map 0 -map 1 -c copy -disposition:v:"$2" attached_pic "$3"; }
make cover.m4a attach tone.m4a 0 cover.m4a
make cover.flac attach tone.flac 0 cover.flac
make cover.mp4 attach h264.mp4 1 cover.mp4
make cover.mkv ff -i h264.mkv -attach baseline.jpg -metadata:s:t mimetype=image/jpeg -c copy cover.mkv
# Ogg files hold covers as FLAC does, in base64.
ogg_cover() {
  local mime=image/jpeg bytes
  bytes=$(stat -c %s baseline.jpg)
  be32() { printf "\\x$(printf %02x $(($1 >> 24 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 & 255)))"; }
  { be32 3; be32 ${#mime}; printf %s "$mime"; be32 0; be32 640; be32 480; be32 24; be32 0; be32 "$bytes"; cat baseline.jpg; } > cover.block
  { echo ';FFMETADATA1'; printf 'METADATA_BLOCK_PICTURE='; base64 -w 0 cover.block | sed 's/=/\\=/g'; echo; } > cover.txt
  ff -i tone.ogg -i cover.txt -map 0:a -map_metadata 1 -map_metadata:s:a 1:g -c copy cover.ogg
}
make cover.ogg ogg_cover

# --- Clips that are not as one expects, of the same moving camera.
v wide_pixels.mp4 -vf setsar=2 -c:v libx264 -preset veryfast -crf 18
v interlaced.ts -c:v mpeg2video -q:v 2 -flags +ilme+ildct
v interlaced_h264.mp4 -c:v libx264 -preset veryfast -crf 18 -x264-params tff=1
v h264_422.mp4 -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv422p
v h264_444.mp4 -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv444p
v h264_422_10bit.mkv -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv422p10le
v hevc_10bit.mp4 -c:v libx265 -preset ultrafast -crf 18 -pix_fmt yuv420p10le -x265-params log-level=none
v vp9_444.webm -c:v libvpx-vp9 -b:v 2M -deadline realtime -cpu-used 8 -pix_fmt yuv444p
v bframes.mp4 -c:v libx264 -preset veryfast -crf 18 -g 25 -bf 3
# The stated curve of HDR: light as in the original, coded for a screen of 10 000 candela.
make hdr.mp4 ff -i reference.mkv -c:v libx265 -preset ultrafast -crf 18 -pix_fmt yuv420p10le \
  -x265-params log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc hdr.mp4
copy() { local file=$1 from=$2; shift 2; make "$file" ff -i "$from" -c copy "$@" "$file"; }
copy late_start.mp4 bframes.mp4 -output_ts_offset 5
copy late_start.mkv bframes.mp4 -output_ts_offset 5
copy late_start.ts bframes.mp4 -output_ts_offset 50000
make edited.mp4 ff -ss 1.2 -i bframes.mp4 -c copy edited.mp4
copy no_index.mkv bframes.mp4 -live 1
copy no_keys.mkv h264.mp4 -bsf:v noise=drop=key
copy lost_keys.mkv h264.mp4 -bsf:v "noise=drop=key*gt(n\\,0)*lt(n\\,40)"
make small.ts ff -i reference.mkv -vf scale=160:120 -c:v libx264 -preset veryfast -crf 18 -output_ts_offset 10 small.ts
changes() { ff -i "$1" -c copy -output_ts_offset 10 -f mpegts later.ts && cat h264.ts later.ts > "$2"; }
make changes_size.ts changes small.ts changes_size.ts
make changes_codec.ts changes mpeg2.ts changes_codec.ts
make five_tracks.mkv ff -i h264.mkv -map 0:v -map 0:v -map 0:v -map 0:v -map 0:v -c copy five_tracks.mkv
# Four pictures, a second each: four scenes.
make scenes.mp4 ff -loop 1 -t 1 -i frame_0.png -loop 1 -t 1 -i odd.png -loop 1 -t 1 -i frame_9.png -loop 1 -t 1 -i grey.png \
  -filter_complex '[0]scale=320:240,setsar=1,fps=25[a];[1]scale=320:240,setsar=1,negate,fps=25[b];[2]scale=320:240,setsar=1,fps=25[c];[3]scale=320:240,setsar=1,format=yuv420p,fps=25[d];[a][b][c][d]concat=n=4' \
  -c:v libx264 -preset veryfast -crf 18 -g 250 -pix_fmt yuv420p scenes.mp4

rm -f log.txt slides.txt moving.y4m cover.block cover.txt later.ts small.ts
