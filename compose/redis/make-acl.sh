#!/bin/sh
# Makes the users of Redis, each with no more rights than it needs: `gateway`, `worker` and `producer` (a program that
# pushes jobs onto the lists itself), and `health`, which can do nothing but ping. Nobody else gets in.
#
#   SECRETS_DIR   holds a folder for each user; the password of one is made at the first start, as `password` in its
#                 folder, and kept. Each program mounts only its own folder.
#   ACL_FILE      what is written: the users with the hashes of their passwords, for Redis's `aclfile`.
#   NAMESPACE     as QUEUE_NAMESPACE has it; shards of it (`{gpt2:1}`) are meant, too.
set -eu
secrets=${SECRETS_DIR:-/secrets}
acl=${ACL_FILE:-/acl/users.acl}
ns="{${NAMESPACE:-gpt2}*}"

hash_of() {
  file=$secrets/$1/password
  if [ ! -s "$file" ]; then
    mkdir -p "$secrets/$1"
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$file.new"
    chmod 444 "$file.new"
    mv "$file.new" "$file"
  fi
  printf %s "$(cat "$file")" | sha256sum | cut -d ' ' -f 1
}

session="+auth +hello +ping +info +time +role +client|setname +eval +evalsha +script|load"
{
  echo "user default off"
  echo "user health on nopass resetkeys -@all +auth +ping"
  echo "user gateway on #$(hash_of gateway) resetkeys ~$ns:q:* ~$ns:job:* ~$ns:res:* ~$ns:cxl:* ~$ns:inbox:*" \
    "~$ns:reply:* ~$ns:workers ~$ns:stats ~$ns:pace ~$ns:probe ~$ns:paused ~$ns:dead %R~$ns:proc:* %R~$ns:winfo:*" \
    "-@all $session +get +mget +set +del +exists +hget +hmget +hset +hdel +hgetall +hincrby +llen +lindex +lrange" \
    "+lpush +rpush +lrem +xadd +xread +pexpire +zcount +zrange"
  echo "user worker on #$(hash_of worker) resetkeys ~$ns:*" \
    "-@all $session +get +set +del +exists +hget +hmget +hset +hdel +hincrby +llen +lpos +lrange +lpush +ltrim" \
    "+rpush +lrem +lmove +blmove +xadd +pexpire +zadd +zscore +zrange +zrem"
  echo "user producer on #$(hash_of producer) resetkeys %W~$ns:q:* %R~$ns:res:* ~$ns:reply:*" \
    "-@all +auth +hello +ping +lpush +get +blpop"
} > "$acl.new"
chmod 444 "$acl.new"
mv "$acl.new" "$acl"
