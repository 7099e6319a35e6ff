/*
 * How loud a microphone is, as the ear hears it: 0 is silence (-60 dBFS and below), 1 is full scale.
 */
const FLOOR_DB = -60;

export function levelOf(samples: Float32Array): number {
  if (samples.length === 0) return 0;
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

/* Tells a microphone that hears from one that only hums: the level must have been both low and high. */
export class MovementWatch {
  private least = 1;
  private most = 0;

  /* True once it moved. */
  add(level: number): boolean {
    this.least = Math.min(this.least, level);
    this.most = Math.max(this.most, level);
    return this.most > 0.15 && this.most - this.least > 0.1;
  }
}

/* Calls `onLevel` on each frame until the returned function is called. */
export function watchLevel(stream: MediaStream, onLevel: (level: number) => void): () => void {
  if (stream.getAudioTracks().length === 0) return () => undefined;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  /* Starts suspended where no click came before; the page's first click resumes it. */
  const resume = (): void => void context.resume().catch(() => undefined);
  resume();
  document.addEventListener("pointerdown", resume);
  const samples = new Float32Array(analyser.fftSize);
  let shown = 0;
  let frame = 0;
  let isOver = false;
  const draw = (): void => {
    analyser.getFloatTimeDomainData(samples);
    /* Up at once, down slowly: peaks can be read. */
    shown = Math.max(levelOf(samples), shown * 0.92);
    onLevel(shown);
    if (!isOver) frame = requestAnimationFrame(draw);
  };
  frame = requestAnimationFrame(draw);
  return () => {
    isOver = true;
    cancelAnimationFrame(frame);
    document.removeEventListener("pointerdown", resume);
    void context.close();
  };
}
