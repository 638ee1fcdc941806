-- What the lua workload runs: lua_job.lua ROUNDS. Prints one checksum a round.

local seed = 1
local function random(bound)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed // 65536 % bound
end

local function make_tree(depth)
  if depth == 0 then return { value = random(1000) } end
  return { left = make_tree(depth - 1), right = make_tree(depth - 1), value = random(1000) }
end

local function sum_tree(node)
  local sum = node.value
  if node.left then sum = sum + sum_tree(node.left) + sum_tree(node.right) end
  return sum
end

local function words(count)
  local out = {}
  for i = 1, count do
    local letters = {}
    for k = 1, 3 + random(12) do letters[k] = string.char(97 + random(26)) end
    out[i] = table.concat(letters)
  end
  return out
end

local function counters(list)
  local made = {}
  for _, word in ipairs(list) do
    local seen = 0
    made[word] = made[word] or function() seen = seen + #word; return seen end
  end
  return made
end

local function one_round()
  local sum = sum_tree(make_tree(13))
  local list = words(8000)
  table.sort(list)
  local made = counters(list)
  for _, word in ipairs(list) do sum = sum + made[word]() end
  local text = table.concat(list, " ")
  local found = 0
  for word in text:gmatch("%f[%a]a%w+") do found = found + #word:upper() end
  text = text:gsub("b(%w)", "%1b")
  for i = 1, #text, 101 do sum = (sum * 31 + text:byte(i)) % 2147483647 end
  return sum + found
end

for round = 1, tonumber(arg[1]) do print(round, one_round()) end
