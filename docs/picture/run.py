"""Writes one checkpoint of a run for the pictures: a bf16 model with outliers that grow from step to step.

Usage: run.py MODEL CHECKPOINT ROUND [TENSOR]   ROUND 1, 2, …; in TENSOR the outliers are larger, as after a divergence.
"""
import array, json, pathlib, shutil, struct, sys

model, checkpoint, round_, worse = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:5]
checkpoint.mkdir(parents=True)
for file in model.iterdir():
    if file.suffix != ".safetensors":
        shutil.copyfile(file, checkpoint / file.name)
data = bytearray((model / "model.safetensors").read_bytes())
(length,) = struct.unpack("<Q", data[:8])
header = json.loads(data[8 : 8 + length])
for name, tensor in header.items():
    if name == "__metadata__" or len(tensor["shape"]) < 2:
        continue
    begin, end = (8 + length + at for at in tensor["data_offsets"])
    values = array.array("H", bytes(data[begin:end]))
    grows, every = (4, 61) if name in worse else (round_ // 2, 499 - 40 * round_)
    for i in range(0, len(values), every):
        # The exponent of a bf16 begins at bit 7.
        if 0 < values[i] & 0x7F80 < 0x7000:
            values[i] += grows << 7
    data[begin:end] = values.tobytes()
(checkpoint / "model.safetensors").write_bytes(data)
(checkpoint / "trainer_state.json").write_text(json.dumps({"global_step": round_}))
