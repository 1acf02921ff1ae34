/* Inside this folder: the voice activity detector of libwebrtc-audio-processing, by its C symbols.
 *
 * The library exports them but ships no header. We declare them ourselves instead of going through its C++
 * class VoiceDetection, because that takes 10 ms frames of its own AudioFrame (two copies and a lock a
 * frame), knows likelihoods but not the detector's modes, and would be the only C++ in the media path. The
 * price, an interface that no header checks, is paid by tests/unit/audio/test_vad.c, which holds each
 * function to what is said here; a library without one of them does not link. Source:
 * webrtc/common_audio/vad/include/webrtc_vad.h of release 0.3. */
#ifndef VG_AUDIO_WEBRTC_VAD_H
#define VG_AUDIO_WEBRTC_VAD_H

#include <stddef.h>
#include <stdint.h>

struct WebRtcVadInst;

struct WebRtcVadInst *WebRtcVad_Create(void);
void WebRtcVad_Free(struct WebRtcVadInst *vad);
/* Sets the initial state; 0, or -1. Does not allocate. */
int WebRtcVad_Init(struct WebRtcVadInst *vad);
/* 0 (quality) to 3 (very aggressive); 0, or -1. */
int WebRtcVad_set_mode(struct WebRtcVadInst *vad, int mode);
/* 1: active voice, 0: not, -1: error. 10, 20 or 30 ms at 8, 16, 32 or 48 kHz. Does not allocate. */
int WebRtcVad_Process(struct WebRtcVadInst *vad, int rate_hz, const int16_t *pcm, size_t samples);

#endif
