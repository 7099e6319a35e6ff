/* An encoder: ffmpeg that pushes a moving picture and a tone by RTMP, as OBS would. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export function startRtmpPublisher(target) {
  const args = [
    ["-hide_banner", "-loglevel", "error", "-re"],
    ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"],
    ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"],
    ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"],
    ["-b:v", "1500k", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0"],
    ["-c:a", "aac", "-b:a", "128k", "-ac", "2"],
    ["-f", "flv", target],
  ].flat();
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk) => (complaint += chunk));
  const exited = once(child, "exit");
  return {
    /* SIGKILL: an encoder that vanishes says no goodbye. */
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
    complaint: () => complaint,
  };
}
