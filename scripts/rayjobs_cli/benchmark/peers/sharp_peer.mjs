// sharp, on libuv's threads; one thread of libvips for each picture, as many pictures at a time as asked for.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const atOnce = Number(process.argv[2]);
process.env.UV_THREADPOOL_SIZE = String(atOnce);
const sharp = createRequire(`${process.cwd()}/`)("sharp");
sharp.concurrency(1);
sharp.cache(false);

const kernel = (values) => ({ width: 3, height: 3, kernel: values });
const SHARPNESS = { ...kernel([-1, -1, -1, -1, 21, -1, -1, -1, -1]), scale: 13 };
const EDGES = { ...kernel([-1, -1, -1, -1, 8, -1, -1, -1, -1]), scale: 1 };
const LUMA = [0.299, 0.587, 0.114];
const VIVID = [0, 1, 2].map((row) => LUMA.map((part, column) => 1.2 * (row === column) - 0.2 * part));

const WAYS = {
  thumb: (from, to) =>
    sharp(from).rotate().resize(512, 512, { fit: "inside", withoutEnlargement: true }).jpeg({ quality: 85 }).toFile(to),

  // A pipeline of sharp has one convolution: the first one's pixels go on to a second, raw.
  heavy: async (from, to) => {
    const { data, info } = await sharp(from).rotate().resize(2048, 2048, { fit: "fill" }).blur(5)
      .convolve(SHARPNESS).raw().toBuffer({ resolveWithObject: true });
    const raw = { width: info.width, height: info.height, channels: info.channels };
    await sharp(data, { raw }).convolve(EDGES).jpeg({ quality: 85 }).toFile(to);
  },

  edit: async (from, to) => {
    const { autoOrient } = await sharp(from).metadata();
    const width = Math.min(3200, autoOrient.width), height = Math.min(2400, autoOrient.height);
    const left = (autoOrient.width - width) >> 1, top = (autoOrient.height - height) >> 1;
    const tall = Math.round((height * 1600) / width);
    const text = await letters;
    await sharp(from).rotate().extract({ left, top, width, height }).resize(1600, tall, { fit: "fill" })
      .sharpen({ sigma: 2 }).recomb(VIVID)
      .composite([{ input: text.data, left: 1600 - 24 - text.info.width, top: tall - 24 - text.info.height }])
      .webp({ quality: 80, effort: 4 }).toFile(to);
  },
};
const letters = sharp({ text: { text: '<span foreground="white">© rayjobs</span>', font: "Sans 32", dpi: 72, rgba: true } })
  .png().toBuffer({ resolveWithObject: true });

async function work({ pipeline, pairs }) {
  let next = 0;
  const one = async () => {
    while (next < pairs.length) await WAYS[pipeline](...pairs[next++]);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await work(JSON.parse(line)).then(() => ({ done: true }), (error) => ({ error: String(error) }));
  console.log(JSON.stringify(answer));
}
