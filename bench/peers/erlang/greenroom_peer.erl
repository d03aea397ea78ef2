%% One bench on Erlang/OTP: `erl -s greenroom_peer main BENCH COUNT`, one JSON object.
%% Plain processes, `supervisor` for restarts, reports switched off.
-module(greenroom_peer).
-behaviour(supervisor).
-export([main/1, init/1, start_fragile/1, fragile/1, idle/2, member/1, sender/3]).

-define(MEMBERS, 1000).

main([Bench, Count]) ->
    logger:set_primary_config(level, none),
    %% Not in the process that boots the system.
    spawn(fun() ->
        {Operations, Measured} = bench(Bench, list_to_integer(atom_to_list(Count))),
        print(Bench, Operations, Measured),
        halt(0, [{flush, true}])
    end).

bench(spawn, Count) ->
    Begun = counters:new(1, [atomics]),
    {Count, measure(fun() ->
        spawn_idle(Count, Begun, erlang:make_tuple(8, 1)),
        await(Count, Begun)
    end)};
bench(pingpong, Count) ->
    Pong = spawn_link(fun pong/0),
    {Count, measure(fun() -> ping(Count, Pong) end)};
bench(fanin, Count) ->
    %% What OTP's guide advises for a process that gets many messages.
    process_flag(message_queue_data, off_heap),
    Each = Count div ?MEMBERS,
    {Each * ?MEMBERS, measure(fun() ->
        Self = self(),
        [spawn_link(?MODULE, sender, [Self, Each, 0]) || _ <- lists:seq(1, ?MEMBERS)],
        sum(Each * ?MEMBERS, 0)
    end)};
bench(ring, Count) ->
    Next = lists:foldl(
        fun(_, To) -> spawn_link(?MODULE, member, [{To, self()}]) end, self(),
        lists:seq(2, ?MEMBERS)),
    {Count, measure(fun() -> Next ! {token, Count}, turn(Next) end)};
bench(restarts, Count) ->
    Begun = counters:new(1, [atomics]),
    {ok, Supervisor} = supervisor:start_link(?MODULE, Begun),
    [{ok, _} = supervisor:start_child(Supervisor, []) || _ <- lists:seq(1, Count)],
    await(Count, Begun),
    Children = [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor)],
    {Count, measure(fun() ->
        [Child ! fail || Child <- Children],
        await(2 * Count, Begun)
    end)}.

spawn_idle(0, _, _) -> ok;
spawn_idle(Count, Begun, State) ->
    spawn(?MODULE, idle, [Begun, State]),
    spawn_idle(Count - 1, Begun, State).

idle(Begun, State) ->
    counters:add(Begun, 1, 1),
    receive {add, N} -> N + element(1, State) end.

await(Count, Begun) ->
    case counters:get(Begun, 1) < Count of
        true -> timer:sleep(1), await(Count, Begun);
        false -> ok
    end.

pong() -> receive {From, N} -> From ! N, pong() end.

ping(0, _) -> ok;
ping(Count, Pong) ->
    Pong ! {self(), Count},
    receive Count -> ping(Count - 1, Pong) end.

sender(_, Count, Count) -> ok;
sender(To, Count, N) -> To ! N, sender(To, Count, N + 1).

sum(0, Sum) -> Sum;
sum(Count, Sum) -> receive N -> sum(Count - 1, Sum + N) end.

member({To, First}) ->
    receive
        {token, 0} -> First ! done;
        {token, Left} -> To ! {token, Left - 1}
    end,
    member({To, First}).

turn(Next) ->
    receive
        done -> ok;
        {token, 0} -> ok;
        {token, Left} -> Next ! {token, Left - 1}, turn(Next)
    end.

%% The intensity allows all of them; OTP's default would end the supervisor.
init(Begun) ->
    Child = #{id => fragile, start => {?MODULE, start_fragile, [Begun]},
              restart => permanent, shutdown => brutal_kill},
    {ok, {#{strategy => simple_one_for_one, intensity => 1000000, period => 3600}, [Child]}}.

start_fragile(Begun) -> {ok, proc_lib:spawn_link(?MODULE, fragile, [Begun])}.

fragile(Begun) ->
    counters:add(Begun, 1, 1),
    receive fail -> exit(on_purpose) end.

measure(Work) ->
    Memory = rss(),
    {Cpu, Begun} = {cpu_us(), erlang:monotonic_time(microsecond)},
    Work(),
    Seconds = (erlang:monotonic_time(microsecond) - Begun) / 1.0e6,
    {Seconds, cpu_us() - Cpu, max(0, rss() - Memory)}.

%% User and system, of all threads, from the kernel: 10 ms steps.
cpu_us() ->
    {ok, Stat} = file:read_file("/proc/self/stat"),
    [_, After] = binary:split(Stat, <<") ">>),
    Fields = binary:split(After, <<" ">>, [global]),
    (binary_to_integer(lists:nth(12, Fields)) + binary_to_integer(lists:nth(13, Fields))) * 10000.

rss() ->
    {ok, Statm} = file:read_file("/proc/self/statm"),
    binary_to_integer(lists:nth(2, binary:split(Statm, <<" ">>, [global]))) * 4096.

print(Bench, Count, {Seconds, Cpu, Bytes}) ->
    io:format("{\"peer\":\"otp\",\"bench\":\"~s\",\"operations\":~b,\"seconds\":~.4f,"
              "\"per_s\":~b,\"cpu_ns_per_op\":~.1f",
              [Bench, Count, Seconds, round(Count / Seconds), Cpu * 1000 / Count]),
    [io:format(",\"bytes_per_process\":~b", [Bytes div Count]) || Bench =:= spawn],
    io:format("}~n").
